"""A broker with its HTTP API in a thread of its own, for clients that wait for its answers."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from amqpbroker.management.management import Management
from amqpbroker.server.server import Server
from tests.helpers.management import IN_MEMORY


class ServedBroker:
    """url: of the web UI. port: of AMQP."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.server = Server(replace(IN_MEMORY, http_port=0))
        await self.server.start()
        management = Management(self.server)
        management.open()
        management.serve()
        self.port = self.server.endpoints[0].port
        self.url = f"http://127.0.0.1:{management.web[0].port}"
        self._ready.set()
        await self._stopping.wait()
        await management.close()
        await self.server.stop()

    def run(self, work: Callable[[Server], Any]) -> Any:
        """Does something on the broker's loop, and gives what came of it."""

        async def working() -> Any:
            found = work(self.server)
            self.server.flush_soon()
            return found

        return asyncio.run_coroutine_threadsafe(working(), self._loop).result(20)

    def stop(self) -> None:
        """Ends it."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
