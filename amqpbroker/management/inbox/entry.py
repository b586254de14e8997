"""A message in the inbox: what was published, and what became of it in each queue, as far as it was seen."""

from collections.abc import Mapping, Sequence
from typing import Final

from amqpbroker.model.message import Message
from amqpbroker.model.ports import Client

# What becomes of a message in a queue. GONE: it is no longer there, and how it left was not seen.
READY: Final = "ready"
UNACKED: Final = "unacked"
ACKED: Final = "acked"
DEAD: Final = "dead"
GONE: Final = "gone"

FINAL_STATES: Final = frozenset({ACKED, DEAD, GONE})

# A message may reach thousands of queues: so many are told by name.
QUEUES_MAX: Final = 100
# A larger body is not kept alive: of that the front is copied, and the message cannot be followed.
BODY_MAX_BYTES: Final = 1_048_576
BODY_FRONT_BYTES: Final = 65_536
_NO_REASONS: Final[Mapping[str, str]] = {}
# About what an entry takes beside its body.
OVERHEAD_BYTES: Final = 1_024


class Entry:
    """id: a number that grows. client: who published; None: the broker itself sent it on.

    queue_count: how many it reached; states: what became of it in the first of those, by name. places: the positions in
    those queues that the first of its run got, 0 where they cannot tell; nth: where it was in the run. reasons: why it
    died, by queue. version: of the topology when it was routed. is_returned: its publisher has it back. older: another
    entry of the same octets, which was dead-lettered as this one.
    """

    __slots__ = (
        "body_size_bytes",
        "client",
        "id",
        "is_returned",
        "message",
        "nth",
        "older",
        "places",
        "queue_count",
        "reasons",
        "states",
        "time_ms",
        "version",
        "vhost",
    )

    def __init__(self, number: int, time_ms: int, vhost: str, version: int, client: Client | None, message: Message):
        self.id = number
        self.time_ms = time_ms
        self.vhost = vhost
        self.version = version
        self.client = client
        self.message = message
        self.body_size_bytes = len(message[2])
        if self.body_size_bytes > BODY_MAX_BYTES:
            self.message = (*message[:2], message[2][:BODY_FRONT_BYTES], message[3])
        self.queue_count = 0
        self.states: dict[str, str] = {}
        self.places: Sequence[int] = ()
        self.nth = 0
        self.reasons = _NO_REASONS
        self.is_returned = False
        self.older: Entry | None = None

    @property
    def key(self) -> int:
        """What it is known again by: which octets its body is. Those of a short one are shared by many messages."""
        return key_of(self.message)

    @property
    def can_be_followed(self) -> bool:
        """Whether its octets are those that are in the queues."""
        return self.body_size_bytes <= BODY_MAX_BYTES

    @property
    def size_bytes(self) -> int:
        """About how much memory it keeps."""
        return len(self.message[1]) + len(self.message[2]) + OVERHEAD_BYTES

    def becomes(self, queue: str, state: str, reason: str = "") -> bool:
        """Notes what became of it in a queue that it has reached; False if that is known, or it has not been there."""
        known = self.states.get(queue)
        if known is None or known == state or known in FINAL_STATES:
            return False
        self.states[queue] = state
        if reason:
            self.reasons = {**self.reasons, queue: reason}
        return True


def key_of(message: Message) -> int:
    """See `Entry.key`: octets are not copied on their way, while the tuple around them may be made anew."""
    return id(message[2]) if len(message[2]) > 1 else id(message)
