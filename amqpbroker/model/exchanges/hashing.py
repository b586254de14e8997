"""Numbers made of octets: the same in every process and after every restart, which Python's own `hash` is not."""

from hashlib import blake2b
from typing import Final

from amqpbroker.wire.tables import Field

HASH_BITS: Final = 64

_MASK: Final = (1 << HASH_BITS) - 1


def hash_of(octets: bytes) -> int:
    """A number of 64 bits, evenly spread."""
    return int.from_bytes(blake2b(octets, digest_size=HASH_BITS // 8).digest(), "big")


def mixed(one: int, other: int) -> int:
    """A number of 64 bits made of two: another for each of the others, and a tenth of the price of `hash_of`.

    The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
    """
    value = one ^ other
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def octets_of(field: Field) -> bytes:
    """What a header's value is hashed by; equal for equal numbers, and for equal texts, of different types."""
    kind, value = field
    if kind in "Sx":
        octets: bytes = value
        return octets
    # Tables and arrays are made of fields and plain values, which all have one way only to be written down.
    return repr(value).encode("utf-8", "surrogatepass")


def octets_of_text(text: str) -> bytes:
    """The octets of a name or key, as they came."""
    return text.encode("utf-8", "surrogateescape")
