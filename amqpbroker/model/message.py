"""What a message is while it waits: a tuple, and the flags that say what rules it is under.

A message is an exact tuple of bytes and ints. CPython's collector lets go of such tuples, so a million queued messages
cost a full collection next to nothing; one slotted object, dataclass or named tuple among them makes it walk them all.
Nothing is decoded that need not be: the header goes out with the octets it came in with.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from amqpbroker.wire.runs import UniformRun

Message = tuple[bytes, bytes, bytes, int]
"""(address, header, body, flags)

address: exchange and routing key as two short strings, as in basic.publish, basic.deliver and basic.return.
header: the payload of the content header frame: class, weight, body size, property flags, properties.
body: all of it, however many frames it came in.
flags: the bits below.
"""

# delivery-mode 2: survives a restart in a durable queue.
PERSISTENT: Final = 1

_FLAGS: Final = itemgetter(3)


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


def by_persistence(messages: Sequence[Message]) -> Iterable[Sequence[Message]]:
    """The messages in their order, in runs of which all are persistent or none is."""
    if len(messages) == 1 or isinstance(messages, UniformRun) or len(set(map(_FLAGS, messages))) == 1:
        return (messages,)
    return [list(run) for _, run in groupby(messages, _FLAGS)]
