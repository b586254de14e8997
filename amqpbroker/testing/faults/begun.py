"""Faults in the hand of a test: `broker.faults`, and a rule that has begun."""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from amqpbroker.testing.errors import BrokerStoppedError
from amqpbroker.testing.faults.fault import Fault
from amqpbroker.testing.faults.log import FaultLog, Hit
from amqpbroker.testing.faults.making import Making
from amqpbroker.testing.faults.rule import Rule
from amqpbroker.testing.faults.which import Which

if TYPE_CHECKING:
    from amqpbroker.testing.async_broker import AsyncBroker
    from amqpbroker.testing.broker import Broker

T = TypeVar("T")


class FaultRule:
    """A rule of a `Broker`. As a context manager it ends with its block."""

    def __init__(self, broker: "Broker", rule: Rule) -> None:
        self._broker = broker
        self._rule = rule

    def __str__(self) -> str:
        return str(self._rule)

    @property
    def hits(self) -> Sequence[Hit]:
        """What it has done so far, in order."""
        return self._look(lambda: list(self._rule.hits))

    @property
    def is_over(self) -> bool:
        """Whether it strikes nothing any more."""
        return self._look(lambda: self._rule.is_over)

    def end(self) -> None:
        """It strikes nothing any more, and what hung on it goes on; nothing if it is over."""
        with suppress(BrokerStoppedError):  # it is over with its broker, which may have crashed just now
            self._broker.ask(self._rule.end)

    def assert_hit(self, times: int | None = None) -> None:
        """Raises AssertionError: it has done nothing, or not so many times; what it has seen is told."""
        self._look(lambda: self._rule.assert_hit(times))

    def _look(self, look: Callable[[], T]) -> T:
        try:
            return self._broker.ask(look)
        except BrokerStoppedError:
            return look()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()


class Faults(Making[FaultRule]):
    """Of a `Broker`."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker

    def _begin(self, fault: Fault, which: Which) -> FaultRule:
        return FaultRule(self._broker, self._broker.ask(self._broker.server.rules.begin, fault, which))

    @property
    def log(self) -> FaultLog:
        """All that faults have done so far, as it can be replayed."""
        return self._broker.ask(self._broker.server.rules.log)

    def replay(self, log: FaultLog) -> None:
        """The rules that are made from now on strike where those of the log did, one after the other.

        ValueError, when the rule is made: it is another one than that of the log.
        """
        self._broker.ask(self._broker.server.rules.replay, log)

    def end_all(self) -> None:
        """No fault strikes any more."""
        self._broker.ask(self._broker.server.rules.end_all)


class AsyncFaultRule:
    """A rule of an `AsyncBroker`, begun by `await`, or by `async with`, with whose block it ends."""

    def __init__(self, broker: "AsyncBroker", fault: Fault, which: Which) -> None:
        self._broker = broker
        self._beginning = broker.ask(broker.server.rules.begin, fault, which)
        self._rule: Rule | None = None

    def __str__(self) -> str:
        return str(self._rule)

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._begin().__await__()

    async def _begin(self) -> Self:
        self._rule = await self._beginning
        return self

    @property
    def rule(self) -> Rule:
        """What has begun. Raises RuntimeError: nothing has."""
        if self._rule is None:
            raise RuntimeError("a fault of an AsyncBroker begins by await, or by async with")
        return self._rule

    async def hits(self) -> Sequence[Hit]:
        """What it has done so far, in order."""
        return await self._look(lambda: list(self.rule.hits))

    async def is_over(self) -> bool:
        """Whether it strikes nothing any more."""
        return await self._look(lambda: self.rule.is_over)

    async def end(self) -> None:
        """It strikes nothing any more, and what hung on it goes on; nothing if it is over."""
        with suppress(BrokerStoppedError):  # it is over with its broker, which may have crashed just now
            await self._broker.ask(self.rule.end)

    async def assert_hit(self, times: int | None = None) -> None:
        """Raises AssertionError: it has done nothing, or not so many times; what it has seen is told."""
        await self._look(lambda: self.rule.assert_hit(times))

    async def _look(self, look: Callable[[], T]) -> T:
        try:
            return await self._broker.ask(look)
        except BrokerStoppedError:
            return look()

    async def __aenter__(self) -> Self:
        return await self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.end()


class AsyncFaults(Making[AsyncFaultRule]):
    """Of an `AsyncBroker`."""

    def __init__(self, broker: "AsyncBroker") -> None:
        self._broker = broker

    def _begin(self, fault: Fault, which: Which) -> AsyncFaultRule:
        return AsyncFaultRule(self._broker, fault, which)

    async def log(self) -> FaultLog:
        """All that faults have done so far, as it can be replayed."""
        return await self._broker.ask(self._broker.server.rules.log)

    async def replay(self, log: FaultLog) -> None:
        """The rules that are made from now on strike where those of the log did, one after the other.

        ValueError, when the rule is made: it is another one than that of the log.
        """
        await self._broker.ask(self._broker.server.rules.replay, log)

    async def end_all(self) -> None:
        """No fault strikes any more."""
        await self._broker.ask(self._broker.server.rules.end_all)
