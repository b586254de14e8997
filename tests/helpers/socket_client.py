"""A client on a real socket that reads when it is told to, for tests of the server."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

from amqpbroker.server.listening import Endpoint
from amqpbroker.wire.constants import PROTOCOL_HEADER
from amqpbroker.wire.methods import Channel, Connection, Method, encode_frame
from tests.helpers.wire_client import Event, FrameReader, Received, start_ok

PATIENCE_S = 5.0


@dataclass
class SocketClient:
    """The octets come and go by asyncio's streams; `events` holds what came in one read with what was asked for."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[Event] = field(default_factory=list)
    _frames: FrameReader = field(default_factory=FrameReader)
    _rest: bytes = b""

    @classmethod
    async def to(
        cls,
        endpoint: Endpoint,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        first: bytes = b"",
    ) -> "SocketClient":
        """A client whose socket is connected, which has said nothing. first: what a proxy in front of it says."""
        if endpoint.path is not None:
            return cls(*await asyncio.open_unix_connection(endpoint.path))
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        writer.write(first)
        if tls is not None:
            await writer.start_tls(tls, server_hostname=server_hostname or "localhost")
        return cls(reader, writer)

    @classmethod
    async def opened(
        cls,
        endpoint: Endpoint,
        *,
        channels: int = 1,
        heartbeat_s: int = 0,
        mechanism: str = "PLAIN",
        **connecting: Any,
    ) -> "SocketClient":
        """A client that has logged in as guest, with channels 1 and up open. connecting: arguments of `to`."""
        client = await cls.to(endpoint, **connecting)
        client.writer.write(PROTOCOL_HEADER)
        client.send(0, start_ok() if mechanism == "PLAIN" else Connection.StartOk(mechanism=mechanism, response=b""))
        client.send(0, Connection.TuneOk(channel_max=2_047, frame_max=131_072, heartbeat=heartbeat_s))
        client.send(0, Connection.Open(virtual_host="/"))
        assert [type(await client.method()) for _ in range(3)] == [Connection.Start, Connection.Tune, Connection.OpenOk]
        for number in range(1, channels + 1):
            assert await client.call(number, Channel.Open()) == Channel.OpenOk()
        return client

    def send(self, channel: int, method: Method) -> None:
        """Sends a method."""
        self.writer.write(encode_frame(channel, method))

    async def event(self) -> Event:
        """The next that comes."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.events:
                octets = await self.reader.read(65_536)
                if not octets:
                    raise EOFError
                self._take(octets)
        return self.events.pop(0)

    async def method(self) -> Method:
        """The next that comes, which is a method."""
        event = await self.event()
        assert isinstance(event, Received)
        return event.method

    async def call(self, channel: int, method: Method) -> Method:
        """Sends a method and gives what comes next."""
        self.send(channel, method)
        return await self.method()

    async def until(self, wanted: type[Method]) -> Method:
        """Reads over everything until such a method comes."""
        while not isinstance(method := await self.method(), wanted):
            pass
        return method

    async def end(self) -> bytes:
        """All that comes until the broker closes the socket."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    async def leave(self) -> None:
        """Closes the socket."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass  # the broker was faster, or still writing

    def _take(self, octets: bytes) -> None:
        self._rest += octets
        whole = _whole_frames(self._rest)
        self.events += self._frames.read(self._rest[:whole])
        self._rest = self._rest[whole:]


def _whole_frames(octets: bytes) -> int:
    """How many octets the whole frames at the beginning take."""
    position = 0
    while True:
        if octets.startswith(b"AMQP", position):
            end = position + 8
        else:
            end = position + 8 + int.from_bytes(octets[position + 3 : position + 7], "big")
        if end > len(octets) or len(octets) - position < 7:
            return position
        position = end
