"""What died: in which queue, why, and where it went from there."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

from amqpbroker.model.message import Message as Octets
from amqpbroker.testing.inspection.history import FORWARDED, GIVEN_UP, Event, Run


class DeadLetter(Event):
    """A message as it was in the queue that gave it up; see `Event` for what else is known.

    queue: the one in which it died. reason: expired, rejected, maxlen or delivery_limit. as_forwarded: the message as
    it went on, with its x-death; None: it went nowhere, and is gone.
    """

    def __init__(self, run: Run, octets: Octets) -> None:
        super().__init__(run, octets)
        self.as_forwarded: Event | None = None

    @property
    def queue(self) -> str:
        """Where it died."""
        return self.queues[0]

    @property
    def went_to(self) -> tuple[str, ...]:
        """The queues that took it; none: it is gone."""
        return self.as_forwarded.queues if self.as_forwarded is not None else ()

    @property
    def count(self) -> int:
        """How often it has died in this queue for this reason; 1 where nobody has counted."""
        deaths = _deaths(self.as_forwarded) if self.as_forwarded is not None else []
        return int(deaths[0].get("count", 1)) if deaths else 1

    def told(self) -> str:
        where = ", ".join(self.went_to) or "nowhere"
        return f"died in {self.queue!r} ({self.reason}), went to {where}: {super(Event, self).told()}"


def dead_letters(runs: Sequence[Run]) -> list[DeadLetter]:
    """Those that the history knows of, the oldest first.

    A dead letter shares its body with the message that died, and of one queue they go on in the order of their deaths.
    """
    found: list[DeadLetter] = []
    waiting: dict[tuple[str, str, str, int], deque[DeadLetter]] = defaultdict(deque)
    for run in runs:
        if run.kind == GIVEN_UP:
            for octets in run.messages:
                dead = DeadLetter(run, octets)
                found.append(dead)
                waiting[run.vhost, run.queues[0], run.reason, id(octets[2])].append(dead)
        elif run.kind == FORWARDED:
            for octets in run.messages:
                event = Event(run, octets)
                for death in _deaths(event)[:1]:
                    key = run.vhost, str(death.get("queue")), str(death.get("reason")), id(octets[2])
                    if waiting[key]:
                        waiting[key].popleft().as_forwarded = event
    return found


def _deaths(message: Event) -> list[dict[str, Any]]:
    deaths = message.headers.get("x-death")
    return [death for death in deaths if isinstance(death, dict)] if isinstance(deaths, list) else []
