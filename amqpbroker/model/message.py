"""What a message is while it waits: a tuple, and the flags that say what rules it is under.

A message is an exact tuple of bytes and ints. CPython's collector lets go of such tuples, so a million queued messages
cost a full collection next to nothing; one slotted object, dataclass or named tuple among them makes it walk them all.
Nothing is decoded that need not be: the header goes out with the octets it came in with.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from amqpbroker.wire import properties
from amqpbroker.wire.runs import UniformRun

Message = tuple[bytes, bytes, bytes, int]
"""(address, header, body, flags)

address: exchange and routing key as two short strings, as in basic.publish, basic.deliver and basic.return.
header: the payload of the content header frame: class, weight, body size, property flags, properties.
body: all of it, however many frames it came in.
flags: the bits below; above them the priority (8 bits), above that the deadline in the queue that it waits in.
"""

# delivery-mode 2: survives a restart in a durable queue.
PERSISTENT: Final = 1
# It has an expiration of its own.
EXPIRES: Final = 2
# It says its priority; one that does not has none in these bits either.
HAS_PRIORITY: Final = 4
# It was dead-lettered: its x-death is the broker's own.
DIED: Final = 8
# It came back to a quorum queue: how often is in its headers, and these bits say where in the queue it stands.
COUNTED: Final = 16
PLACE_SHIFT: Final = 5
PLACES: Final = 7 << PLACE_SHIFT
PRIORITY_SHIFT: Final = 8
# Unix milliseconds; 0: it never expires.
DEADLINE_SHIFT: Final = 16
# All but the deadline: what a message brings, and what is recorded of it.
OWN_FLAGS: Final = (1 << DEADLINE_SHIFT) - 1

# The flags of a message: for map.
FLAGS: Final = itemgetter(3)


def flags_of(delivery_mode: int | None, priority: int | None, expires: bool = False) -> int:
    """The flags of a message with these properties."""
    flags = PERSISTENT if delivery_mode == properties.PERSISTENT else 0
    if priority is not None:
        flags |= HAS_PRIORITY | priority << PRIORITY_SHIFT
    return flags | EXPIRES if expires else flags


def flags_of_run(flags: int, header: bytes) -> int:
    """The flags of messages that share a header, of whose flags the lower eight bits are known."""
    return flags | (properties.priority(header) or 0) << PRIORITY_SHIFT if flags & HAS_PRIORITY else flags


def with_deadline(messages: Sequence[Message], deadline_ms: int) -> Sequence[Message]:
    """The same messages as they wait in a queue that they leave at this time."""
    deadline = deadline_ms << DEADLINE_SHIFT
    if isinstance(messages, UniformRun):
        return UniformRun(messages.address, messages.header, messages.bodies, messages.flags & OWN_FLAGS | deadline)
    return [(address, header, body, flags & OWN_FLAGS | deadline) for address, header, body, flags in messages]


def address_of(exchange: str, routing_key: str) -> bytes:
    """The address of a message: two short strings."""
    octets = [part.encode("utf-8", "surrogateescape") for part in (exchange, routing_key)]
    return b"".join(bytes((len(part),)) + part for part in octets)


def split_address(address: bytes) -> tuple[str, str]:
    """Exchange and routing key of an address."""
    key_at = 1 + address[0]
    return (
        address[1:key_at].decode("utf-8", "surrogateescape"),
        address[key_at + 1 :].decode("utf-8", "surrogateescape"),
    )


def by_flags(messages: Sequence[Message], mask: int) -> Iterable[Sequence[Message]]:
    """The messages in their order, in runs in which these flags are the same."""
    if len(messages) == 1 or isinstance(messages, UniformRun) or len(set(map(FLAGS, messages))) == 1:
        return (messages,)
    runs = [list(run) for _, run in groupby(messages, lambda message: message[3] & mask)]
    return (messages,) if len(runs) == 1 else runs
