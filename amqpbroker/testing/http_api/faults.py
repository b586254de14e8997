"""Faults over HTTP: a rule is begun by a call, and known by its number from then on."""

import json
from collections.abc import Awaitable
from typing import Any

from amqpbroker.testing.async_broker import AsyncBroker
from amqpbroker.testing.faults.fault import Fault
from amqpbroker.testing.faults.log import FaultLog
from amqpbroker.testing.faults.making import Making
from amqpbroker.testing.faults.rule import Rule
from amqpbroker.testing.faults.which import Which

# The calls that begin a rule.
FAULTS = tuple(name for name in vars(Making) if not name.startswith("_"))
# What is called of rules, and begins none.
OF_RULES = ("assert_hit", "end", "end_all", "log", "replay", "rules")


class NumberedFaults(Making[Awaitable[dict[str, Any]]]):
    """What begins a rule gives its number; the others take it. Raises LookupError: there is no such rule."""

    def __init__(self, broker: AsyncBroker) -> None:
        self._broker = broker
        self._rules: dict[int, Rule] = {}

    def _begin(self, fault: Fault, which: Which) -> Awaitable[dict[str, Any]]:
        return self._begun(fault, which)

    async def _begun(self, fault: Fault, which: Which) -> dict[str, Any]:
        rule = await self._broker.ask(self._broker.server.rules.begin, fault, which)
        self._rules[rule.number] = rule
        return _told(rule)

    async def end(self, rule: int) -> dict[str, Any]:
        """It strikes nothing any more, and what hung on it goes on."""
        known = self._known(rule)
        await self._broker.ask(known.end)
        return _told(known)

    async def end_all(self) -> None:
        """No fault strikes any more."""
        await self._broker.faults.end_all()

    async def rules(self) -> list[dict[str, Any]]:
        """Those that were begun, over or not."""
        return await self._broker.ask(lambda: [_told(rule) for rule in self._rules.values()])

    def forget(self) -> None:
        """No rule is known any more: the broker was reset."""
        self._rules.clear()

    async def assert_hit(self, rule: int, times: int | None = None) -> None:
        """That it has done something, or something so many times."""
        await self._broker.ask(self._known(rule).assert_hit, times)

    async def log(self) -> Any:
        """All that faults have done so far, as it can be replayed."""
        return json.loads((await self._broker.faults.log()).to_json())

    async def replay(self, log: Any) -> None:
        """The rules that are begun from now on strike where those of the log did. ValueError: it is none."""
        await self._broker.faults.replay(FaultLog.from_json(json.dumps(log)))

    def _known(self, number: int) -> Rule:
        rule = self._rules.get(number)
        if rule is None:
            numbers = ", ".join(map(str, self._rules)) or "none"
            raise LookupError(f"there is no rule {number!r}; there are {numbers}")
        return rule


def _told(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.number,
        "fault": rule.fault.name,
        "text": str(rule),
        "seen": rule.seen,
        "hits": len(rule.hits),
        "is_over": rule.is_over,
    }
