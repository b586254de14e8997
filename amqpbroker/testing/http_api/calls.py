"""What the test API can be asked for: its name in the path → what of the broker answers.

Each is what Python's tests call by that name, with the same arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from amqpbroker.testing.async_broker import AsyncBroker
from amqpbroker.testing.async_looking import AsyncLooking
from amqpbroker.testing.http_api.faults import FAULTS, OF_RULES, NumberedFaults
from amqpbroker.testing.snapshots import Snapshot

Function = Callable[..., Any]


def _assert_empty(vhost: AsyncLooking) -> Function:
    async def assert_empty(queues: Sequence[str] = ()) -> None:
        await vhost.assert_empty(*queues)

    return assert_empty


OF_THE_BROKER: Final[Mapping[str, Callable[[AsyncBroker], Function]]] = {
    "clock/freeze": lambda broker: broker.clock.freeze,
    "clock/resume": lambda broker: broker.clock.resume,
    "clock/advance": lambda broker: broker.clock.advance,
    "clock/now": lambda broker: broker.clock.now,
    "clock/is_frozen": lambda broker: broker.clock.is_frozen,
    "idle": lambda broker: broker.idle,
    "reset": lambda broker: broker.reset,
    "replay": lambda broker: broker.replay,
    "create_vhost": lambda broker: broker.create_vhost,
    "delete_vhost": lambda broker: broker.delete_vhost,
    "warnings": lambda broker: broker.warnings,
    "take_warnings": lambda broker: broker.take_warnings,
}

# These are asked of a virtual host: that of the start, or the one that the argument vhost names.
OF_A_VHOST: Final[Mapping[str, Callable[[AsyncLooking], Function]]] = {
    "queues": lambda vhost: vhost.queues,
    "queue": lambda vhost: vhost.queue,
    "messages": lambda vhost: vhost.messages,
    "unacked": lambda vhost: vhost.unacked,
    "exchanges": lambda vhost: vhost.exchanges,
    "bindings": lambda vhost: vhost.bindings,
    "connections": lambda vhost: vhost.connections,
    "history": lambda vhost: vhost.history,
    "dead_letters": lambda vhost: vhost.dead_letters,
    "why": lambda vhost: vhost.why,
    "wait_for": lambda vhost: vhost.wait_for,
    "wait_for_consumers": lambda vhost: vhost.wait_for_consumers,
    "join": lambda vhost: vhost.join,
    "assert_published": lambda vhost: vhost.assert_published,
    "assert_not_published": lambda vhost: vhost.assert_not_published,
    "assert_empty": _assert_empty,
}
# Python's own: a function, and a message that a look has given.
NOT_OVER_HTTP: Final = frozenset({"match", "message"})


class Calls:
    """Those of one broker."""

    def __init__(self, broker: AsyncBroker) -> None:
        self._broker = broker
        self._snapshots: list[Snapshot] = []
        self._recording: AsyncExitStack | None = None
        faults = NumberedFaults(broker)
        broker.server.at_reset.append(faults.forget)
        self._of_the_broker: dict[str, Function] = {
            **{name: of(broker) for name, of in OF_THE_BROKER.items()},
            **{f"faults/{name}": getattr(faults, name) for name in (*FAULTS, *OF_RULES)},
            "snapshot": self._snapshot,
            "restore": self._restore,
            "record/begin": self._record,
            "record/end": self._end_recording,
        }

    async def _record(self, path: str, *, scrub: bool = False, scrub_headers: Sequence[str] = ()) -> None:
        """See `AsyncBroker.record`; the file is written at the end. ValueError: one is under way. Raises OSError."""
        if self._recording is not None:
            raise ValueError("a recording is under way; record/end ends it")
        async with AsyncExitStack() as begun:
            await begun.enter_async_context(self._broker.record(path, scrub=scrub, scrub_headers=scrub_headers))
            self._recording = begun.pop_all()

    async def _end_recording(self) -> None:
        """Writes the file. ValueError: nothing is recorded."""
        recording, self._recording = self._recording, None
        if recording is None:
            raise ValueError("nothing is recorded; record/begin begins it")
        await recording.aclose()

    async def _snapshot(self) -> int:
        """The number of a snapshot, which `restore` takes."""
        self._snapshots.append(await self._broker.snapshot())
        return len(self._snapshots)

    async def _restore(self, snapshot: int) -> None:
        """Puts back what was there. Raises LookupError: there is no such snapshot."""
        if not isinstance(snapshot, int) or not 1 <= snapshot <= len(self._snapshots):
            raise LookupError(f"there is no snapshot {snapshot!r}; so many were taken: {len(self._snapshots)}")
        await self._broker.restore(self._snapshots[snapshot - 1])

    def names(self) -> list[str]:
        """All of them."""
        return sorted([*self._of_the_broker, *OF_A_VHOST])

    def find(self, name: str, vhost: str | None = None) -> Function | None:
        """What answers to a name; None: nothing does. vhost: the virtual host that is asked, where one is."""
        if name in OF_A_VHOST:
            return OF_A_VHOST[name](self._broker if vhost is None else self._broker.vhost(vhost))
        return self._of_the_broker.get(name)
