"""The barrier before every look: what local clients have written by now is read and done.

On loopback octets are with the reader when the writer's call returns. So the broker is asked after a pass of its loop
in which no listener and no connection had anything left to read.
"""

import asyncio
import select
from collections.abc import Iterator
from typing import Final

from amqpbroker.testing.connections import ObservedTransport
from amqpbroker.testing.server import ObservedServer

# Between the moment a socket is readable and the one in which what came of it is done lie so many turns of the loop: a
# connection that was accepted gets its transport, is told of it, and is read from the turn after.
_QUIET_TURNS: Final = 4


async def all_read(server: ObservedServer) -> None:
    """Ends when that is so. Runs on the loop of the server."""
    quiet_turns = 0
    while quiet_turns < _QUIET_TURNS:
        await asyncio.sleep(0)
        quiet_turns = 0 if _anything_left(server) else quiet_turns + 1
    server.batch.finish()


def _anything_left(server: ObservedServer) -> bool:
    connections = [one for one in server.connections if isinstance(one, ObservedTransport)]
    if any(connection.rests for connection in connections):
        return True
    return _is_any_readable([*server.listening_fds, *_fds(connections)])


def _fds(connections: list[ObservedTransport]) -> Iterator[int]:
    for connection in connections:
        if (fd := connection.readable_fd) is not None and fd >= 0:
            yield fd


def _is_any_readable(fds: list[int]) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        for fd in fds:
            poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select(fds, [], [], 0)[0])  # Windows
