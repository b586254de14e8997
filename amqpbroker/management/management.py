"""What listens for operators beside a running server: the API with the web UI, and the metrics."""

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.management.access.local_login import TOKEN_BYTES, LocalLogin, directory, write
from amqpbroker.management.serving.listener import Listener, missing
from amqpbroker.server.config.settings import HTTP_PORT, METRICS_PORT
from amqpbroker.server.listening import Endpoint, ListenError

if TYPE_CHECKING:
    from amqpbroker.management.resources import Resource
    from amqpbroker.server.server import Server

logger = logging.getLogger("amqpbroker.management")

_OFF: Final = -1
_TAKEN: Final = {
    "http": "%s is taken: the management API and UI are off; choose another port with --http-port",
    "http/prometheus": "%s is taken: the metrics are off; choose another port with --metrics-port",
}
# Where this machine can be listened on for itself → where it is then reached.
_LOCAL_HOSTS: Final = {"127.0.0.1": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::1": "[::1]", "::": "[::1]"}


class Management:
    """web, metrics: where the API and the web UI listen, and what Prometheus asks for; nowhere if they are off."""

    def __init__(
        self,
        server: "Server",
        load_more: Callable[[], Sequence["Resource"]] = tuple,
        *,
        leaves_login: bool = True,
    ) -> None:
        """load_more: imports what else the API has, and gives it. leaves_login: for programs of the same user."""
        self._server = server
        self._leaves_login = leaves_login
        self._load_more = load_more
        self._web: Listener | None = None
        self._metrics: Listener | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._login_path: str | None = None

    @property
    def web(self) -> list[Endpoint]:
        """Where the API and the web UI listen."""
        return self._web.endpoints if self._web is not None else []

    @property
    def metrics(self) -> list[Endpoint]:
        """Where Prometheus may ask."""
        return self._metrics.endpoints if self._metrics is not None else []

    def open(self) -> None:
        """Listens, and answers after `serve`. Raises ListenError, naming the address.

        The usual port may be another broker's, which is no reason not to start: that is told, and the rest goes on.
        """
        config, server = self._server.config, self._server
        if config.http_port == config.metrics_port == _OFF:
            return
        if without := missing():
            text = (
                "the management API, the UI and the metrics are off, they need %s: pip install amqpbroker[management]"
            )
            logger.warning(text, ", ".join(without))
            return
        web = Listener(server, config.http_port, self._load_web, config.http_addresses)
        metrics = Listener(server, config.metrics_port, _load_metrics, config.metrics_addresses)
        self._web = self._opened(web, "http", config.http_port, HTTP_PORT)
        self._metrics = self._opened(metrics, "http/prometheus", config.metrics_port, METRICS_PORT)

    def _opened(self, listener: Listener, protocol: str, port: int, usual_port: int) -> Listener | None:
        """The listener, listening; None: it is off, or the usual port is taken. Raises ListenError."""
        if port == _OFF:
            return None
        try:
            listener.open()
        except ListenError as error:
            if error.errno != errno.EADDRINUSE or port != usual_port:
                raise
            logger.warning(_TAKEN[protocol], error.filename)
            return None
        self._server.web_endpoints[protocol] = listener.endpoints
        return listener

    def _leave_login(self) -> None:
        """For programs of the same user on this machine; without it they need a password."""
        reachable = [one for one in self.web if one.host in _LOCAL_HOSTS]
        amqp_port = next((one.port for one in self._server.endpoints if one.path is None), None)
        if sys.platform == "win32" or not reachable or amqp_port is None:
            return
        scheme, host = "https" if reachable[0].tls else "http", _LOCAL_HOSTS[reachable[0].host or ""]
        token = secrets.token_urlsafe(TOKEN_BYTES)
        url = f"{scheme}://{host}:{reachable[0].port}"
        login = LocalLogin(self._server.broker.node_name, amqp_port, url, token, os.getpid())
        try:
            self._login_path = write(login, directory(os.environ))
        except OSError as error:
            text = "%s: %s; programs on this machine log in with a password only"
            logger.warning(text, error.filename, error.strerror)
            return
        self._server.local_token = token

    def serve(self) -> None:
        """Begins to load what it takes to answer, while AMQP goes on."""
        if self._web is not None and self._leaves_login:
            self._leave_login()
        for listener in (self._web, self._metrics):
            if listener is not None:
                task = asyncio.get_running_loop().create_task(listener.serve())
                self._serving.add(task)
                task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the management API, the UI or the metrics could not be loaded", exc_info=error)

    def _load_web(self) -> Callable[["Server"], Any]:
        from amqpbroker.management.app import build_app

        return partial(build_app, more=self._load_more())

    async def close(self) -> None:
        """Ends what is under way, and listens no more."""
        if self._login_path is not None and self._server.local_token:
            with contextlib.suppress(OSError):
                os.unlink(self._login_path)
        for task in self._serving:
            task.cancel()
        for listener in (self._web, self._metrics):
            if listener is not None:
                await listener.close()


def _load_metrics() -> Callable[["Server"], Any]:
    from amqpbroker.management.metrics.app import build_metrics_app

    return build_metrics_app
