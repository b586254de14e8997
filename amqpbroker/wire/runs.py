"""Messages as they are read: one by one, or many of one kind at once."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final, overload

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


# Fits into the smallest frame that can be agreed on; longer bodies are not worth a second copy either.
_LAID_BODY_MAX_BYTES: Final = 4_088


class SharedMessages:
    """Messages that many consumers are given: what their frames have in common is laid once.

    messages: only ever appended to.
    """

    __slots__ = ("_body_parts", "_header_parts", "_is_uniform", "messages")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._header_parts: list[bytes] = []
        self._body_parts: list[bytes] = []
        self._is_uniform = True

    def append(self, messages: Sequence[Message]) -> None:
        """Messages follow those that are there."""
        self.messages += messages
        address = self.messages[0][0]
        self._is_uniform = self._is_uniform and all(
            [one[0] == address and 0 < len(one[2]) <= _LAID_BODY_MAX_BYTES for one in messages]
        )

    def parts(self, start: int, stop: int) -> tuple[list[bytes], list[bytes]] | None:
        """Of each message the size, the octets and the end of its content header frame, and of its body frame.

        None: these messages are laid one by one, since they have several addresses, no body or a long one.
        """
        if not self._is_uniform:
            return None
        laid = len(self._header_parts)
        if laid < stop:
            new = self.messages[laid:]
            self._header_parts += [len(one[1]).to_bytes(4, "big") + one[1] + b"\xce" for one in new]
            self._body_parts += [len(one[2]).to_bytes(4, "big") + one[2] + b"\xce" for one in new]
        return self._header_parts[start:stop], self._body_parts[start:stop]


class SharedRun(Sequence[Message]):
    """Some messages of those that are shared, in a row."""

    __slots__ = ("shared", "start", "stop")

    def __init__(self, shared: SharedMessages, start: int, stop: int) -> None:
        self.shared = shared
        self.start = start
        self.stop = stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[Message]:
        return iter(self.shared.messages[self.start : self.stop])

    @overload
    def __getitem__(self, place: int) -> Message: ...

    @overload
    def __getitem__(self, place: slice) -> list[Message]: ...

    def __getitem__(self, place: int | slice) -> Message | list[Message]:
        return self.shared.messages[self.start : self.stop][place]
