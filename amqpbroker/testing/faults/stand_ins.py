"""What stands in a socket's place when a fault has come between a client and the broker."""

import asyncio
import socket
import struct
from typing import Any, Final

_NO_LINGER: Final = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Ends it with RST: what was not sent is lost, and the peer gets ECONNRESET."""
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class Gone(asyncio.Transport):
    """The broker's end of a connection that it has lost, whatever the client believes."""

    def __init__(self, real: asyncio.Transport) -> None:
        super().__init__()
        self._real = real

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._real.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class BlackHole(asyncio.Transport):
    """Nothing is read any more, and what is written gets nowhere, until it ends: a network that is cut."""

    def __init__(self, real: asyncio.Transport, protocol: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.real = real
        self._protocol = protocol
        self._loop = loop
        self._written: list[bytes] = []
        self._is_closed = False
        real.pause_reading()

    def heal(self) -> bool:
        """What was written is sent. False: the broker has given the connection up; the client is reset."""
        if self._is_closed or self.real.is_closing():
            reset(self.real)
            return False
        self.real.write(b"".join(self._written))
        return True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.real.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._is_closed

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self._written))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written.append(bytes(data))

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.real.set_protocol(Forsaken(self.real))
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()


class Forsaken(asyncio.Protocol):
    """The client's end of a connection that the broker has lost. resets: the first octets it sends are answered by RST,
    as a host answers that was started again meanwhile; otherwise they go nowhere.
    """

    def __init__(self, real: asyncio.Transport, *, resets: bool = False) -> None:
        self._real = real
        self._resets = resets

    def data_received(self, data: bytes) -> None:
        if self._resets:
            reset(self._real)

    def eof_received(self) -> bool:
        return False
