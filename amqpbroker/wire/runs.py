"""Messages as they are read: one by one, or many of one kind at once."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import overload

Message = tuple[bytes, bytes, bytes, int]
"""(address, header, body, flags); what each is, and why a tuple, stands in `model.message`."""


class UniformRun(Sequence[Message]):
    """Messages of one address, one header, one size of body: each is made only when somebody asks for it.

    Handed straight to a consumer that needs no acknowledgement, nobody ever does.
    """

    __slots__ = ("address", "bodies", "flags", "header")

    def __init__(self, address: bytes, header: bytes, bodies: list[bytes], flags: int) -> None:
        self.address = address
        self.header = header
        self.bodies = bodies
        self.flags = flags

    def __len__(self) -> int:
        return len(self.bodies)

    def __iter__(self) -> Iterator[Message]:
        return zip(repeat(self.address), repeat(self.header), self.bodies, repeat(self.flags), strict=False)

    @overload
    def __getitem__(self, place: int) -> Message: ...

    @overload
    def __getitem__(self, place: slice) -> "UniformRun": ...

    def __getitem__(self, place: int | slice) -> "Message | UniformRun":
        if isinstance(place, slice):
            return UniformRun(self.address, self.header, self.bodies[place], self.flags)
        return self.address, self.header, self.bodies[place], self.flags
