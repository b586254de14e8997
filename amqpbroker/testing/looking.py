"""What `Broker` and its virtual hosts show of themselves: each look is exact at once, and nothing is consumed by it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from amqpbroker.testing.durations import Duration
from amqpbroker.testing.errors import BrokerStoppedError
from amqpbroker.testing.inspection import assertions, waiting
from amqpbroker.testing.inspection.dead_letters import DeadLetter
from amqpbroker.testing.inspection.history import Event, History
from amqpbroker.testing.inspection.matching import UNSAID, Expected, Match
from amqpbroker.testing.inspection.message import Message
from amqpbroker.testing.inspection.queues import Queues
from amqpbroker.testing.inspection.view import View

if TYPE_CHECKING:
    from amqpbroker.testing.inspection.clients import ConnectionState
    from amqpbroker.testing.inspection.topology import BindingState, ExchangeState
    from amqpbroker.testing.inspection.why import Why

P = ParamSpec("P")
T = TypeVar("T")


class Looking(ABC):
    """One virtual host of a broker: that of its start, or the one that was asked for by name."""

    @property
    @abstractmethod
    def _view(self) -> View: ...

    @abstractmethod
    def ask(self, look: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """What look gives, called on the broker's loop behind the barrier."""

    @abstractmethod
    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine gives, run on the broker's loop. Raises BrokerStoppedError."""

    def _look(self, what: str, look: Callable[[View], T]) -> T:
        """What look gives. what: the name of what was asked for."""
        try:
            return self.ask(lambda: look(self._view))
        except BrokerStoppedError as error:
            raise error.about(what) from None

    def _wait(self, what: str, wait: Callable[[View], Coroutine[Any, Any, T]]) -> T:
        """What the coroutine gives, run on the broker's loop. what: the name of what was asked for."""
        try:
            return self._run(wait(self._view))
        except BrokerStoppedError as error:
            raise error.about(what) from None

    # Looking

    @property
    def queues(self) -> Queues:
        """The queues by name; an unknown name raises UnknownQueueError, a KeyError that has those that are there."""
        return self._look("queues", lambda view: view.queues).asked_of(self.messages)

    @property
    def history(self) -> History:
        """What has happened to messages, as far as it is still noted."""
        return self._look("history", lambda view: view.history)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """What has died here, where, why, and where it went, the oldest first."""
        return self._look("dead_letters", lambda view: view.dead_letters)

    @property
    def connections(self) -> "list[ConnectionState]":
        """The clients that are in this virtual host, the oldest first."""
        return self._look("connections", lambda view: view.connections)

    @property
    def exchanges(self) -> "dict[str, ExchangeState]":
        """The exchanges by name, the predeclared among them."""
        return self._look("exchanges", lambda view: view.exchanges)

    @property
    def bindings(self) -> "list[BindingState]":
        """All bindings; what the default exchange does needs none."""
        return self._look("bindings", lambda view: view.bindings)

    def messages(self, queue: str, skip: int = 0, most: int | None = None) -> list[Message]:
        """What waits in a queue behind so many, in order, at most so many; it stays there. Raises UnknownQueueError."""
        return self._look("messages", lambda view: view.messages(queue, skip, most))

    def unacked(self, queue: str) -> list[Message]:
        """What clients have of a queue and have not settled, in its order. Raises UnknownQueueError."""
        return self._look("unacked", lambda view: view.unacked(queue))

    def why(
        self,
        message: Message | None = None,
        *,
        exchange: str = "",
        routing_key: str = "",
        headers: Mapping[str, Any] | None = None,
    ) -> "Why":
        """Why a message goes where it goes, binding by binding; it prints well.

        message: one of the history, or of a queue; without one, a message that might be published so.
        """
        return self._look(
            "why", lambda view: view.why(message, exchange=exchange, routing_key=routing_key, headers=headers)
        )

    # Waiting

    def wait_for(
        self,
        queue: str,
        timeout: Duration = 5.0,
        *,
        count: int = 1,
        exchange: str | None = None,
        routing_key: str | None = None,
        body: bytes | str | None = None,
        json: Any = UNSAID,
        headers: Mapping[str, Any] | None = None,
        match: Match | None = None,
        **properties: Any,
    ) -> Any:
        """Waits until so many messages are in a queue, and gives them; they stay there. With count=1 it is the message.

        In a queue are those that wait, and those that clients have and have not settled. The queue may be declared
        meanwhile. timeout: in real time, whatever the broker's clock does. match: a predicate of a message. The rest
        says what a message has to be, see `assert_published`. Raises WaitTimeoutError, an AssertionError, with what was
        there instead.
        """
        expected = Expected(exchange, routing_key, body, json, headers, properties)
        found = self._wait("wait_for", lambda view: waiting.for_messages(view, queue, timeout, match, count, expected))
        return found[0] if count == 1 else found

    def wait_until(self, predicate: Callable[[View], T], timeout: Duration = 5.0) -> T:
        """Waits until a predicate is true, and gives what it gave.

        It is called on the broker's loop, at once and whenever something was written: it gets a `View`, which has
        queues, messages(name), history, dead_letters, connections, exchanges and bindings. Raises WaitTimeoutError.
        """
        return self._wait("wait_until", lambda view: waiting.for_predicate(view, predicate, timeout))

    def wait_for_consumers(self, queue: str, count: int = 1, timeout: Duration = 5.0) -> None:
        """Waits until a queue is declared and has so many consumers. Raises WaitTimeoutError."""
        self._wait("wait_for_consumers", lambda view: waiting.for_consumers(view, queue, count, timeout))

    def join(self, queue: str, timeout: Duration = 5.0) -> None:
        """Waits until nothing is in a queue and nothing of it is unacknowledged. Raises WaitTimeoutError."""
        self._wait("join", lambda view: waiting.for_drained(view, queue, timeout))

    def idle(self, timeout: Duration = 5.0) -> None:
        """Waits until nothing is under way in the whole broker. Raises WaitTimeoutError, with what was.

        Nothing is unacknowledged, no consumer could take what waits, all is written, and no confirm waits for the disk.
        """
        self._wait("idle", lambda view: waiting.for_idle(view, timeout))

    # Asserting

    def assert_published(
        self,
        *,
        count: int | None = None,
        exchange: str | None = None,
        routing_key: str | None = None,
        body: bytes | str | None = None,
        json: Any = UNSAID,
        headers: Mapping[str, Any] | None = None,
        match: Match | None = None,
        **properties: Any,
    ) -> list[Event]:
        """That clients have published so many messages that are like this, or at least one; gives them.

        routing_key: a pattern as of a topic exchange, such as `order.*.paid`. body: octets, or text. json: what the
        body says. headers: those that have to be there, among others. match: a predicate of a message. properties: by
        name, such as `content_type="text/plain"`. What is not said may be anything. Raises ExpectationError, an
        AssertionError, with the nearest that there were and in what they differ.
        """
        expected = Expected(exchange, routing_key, body, json, headers, properties)
        return self._look("assert_published", lambda view: assertions.published(view, expected, match, count))

    def assert_not_published(
        self,
        *,
        exchange: str | None = None,
        routing_key: str | None = None,
        body: bytes | str | None = None,
        json: Any = UNSAID,
        headers: Mapping[str, Any] | None = None,
        match: Match | None = None,
        **properties: Any,
    ) -> None:
        """That clients have published nothing that is like this; see `assert_published`. Raises ExpectationError."""
        expected = Expected(exchange, routing_key, body, json, headers, properties)
        self._look("assert_not_published", lambda view: assertions.not_published(view, expected, match))

    def assert_empty(self, *queues: str) -> None:
        """That nothing is in these queues, or in any, nor unacknowledged. Raises ExpectationError."""
        self._look("assert_empty", lambda view: assertions.empty(view, queues))
