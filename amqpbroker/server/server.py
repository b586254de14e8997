"""The server: a broker with listeners, from start to stop."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from amqpbroker.journal.disk import FileDisk
from amqpbroker.model.access import Users
from amqpbroker.model.arguments import CLASSIC
from amqpbroker.model.broker import CLUSTER_NAME, Broker
from amqpbroker.model.observing.events import EVENT_EXCHANGE
from amqpbroker.model.observing.interceptors import Interceptors
from amqpbroker.model.ports import Clock
from amqpbroker.protocol.connection import Settings
from amqpbroker.server.access import set_up_access
from amqpbroker.server.alarms import Alarms
from amqpbroker.server.config import Config
from amqpbroker.server.handshakes import Handshakes
from amqpbroker.server.identity import cluster_name, node_name, server_properties
from amqpbroker.server.listening import BACKLOG, Address, Endpoint, ListenError, addresses_of, listen_error, open_socket
from amqpbroker.server.log_exchange import LogExchangeHandler
from amqpbroker.server.machine import UNKNOWN_MEMORY_BYTES, memory_bytes
from amqpbroker.server.ticker import Ticker
from amqpbroker.server.transport import ConnectionTransport
from amqpbroker.session.batch import Batch
from amqpbroker.wire.tables import long_string

if TYPE_CHECKING:
    import ssl

    from amqpbroker.server.accepting import Acceptor
    from amqpbroker.server.storage import Storage
    from amqpbroker.server.tls import Tls

logger = logging.getLogger("amqpbroker.server")

# How long clients have to answer a close when the server stops.
STOP_TIMEOUT_S: Final = 0.5
SHUTDOWN: Final = "broker forced connection closure with reason 'shutdown'"
# asyncio tries to accept as many as its backlog in one turn, and logs each failure: out of descriptors that would be a
# thousand tracebacks a second. The socket itself has room for more.
_ACCEPTS_PER_TURN: Final = 16


class Server:
    """Made within the event loop that it runs in.

    endpoints: after `start`, where it really listens. web_endpoints: where others listen for it, by RabbitMQ's names of
    protocols such as http; they say so themselves. listening_fds: the descriptors of the sockets that clients come to.

    transport_type, disk_type: what its connections and its data directory are made of; stop_timeout_s: how long clients
    have to answer a close when it stops. A test suite has its own.
    """

    transport_type: type[ConnectionTransport] = ConnectionTransport
    disk_type: type[FileDisk] = FileDisk
    stop_timeout_s: float = STOP_TIMEOUT_S

    def __init__(self, config: Config) -> None:
        """Raises ConfigError: a certificate cannot be used."""
        self.config = config
        users = Users(loopback_only=frozenset(config.loopback_users))
        self.loop = asyncio.get_running_loop()
        self.ticker = self._new_ticker()
        names = node_name(config.node_name), cluster_name(config.cluster_name)
        self.broker = Broker(config.profile, users, os.urandom, self._new_clock(), *names)
        # Classic is what a queue is anyway.
        self.broker.default_queue_type = None if config.default_queue_type == CLASSIC else config.default_queue_type
        self.broker.consumer_timeout_ms = config.consumer_timeout or None
        vhost = self.broker.add_vhost(config.vhost)
        vhost.declare_own(EVENT_EXCHANGE)
        self.broker.trace(vhost, config.tracing)
        self.broker.interceptors = _interceptors(config, self.broker.node_name)
        self._log_exchange: LogExchangeHandler | None = None
        if config.log_exchange_level:
            self._log_exchange = LogExchangeHandler(vhost, self.broker.node_name, self.loop, self.flush_soon)
        self.tls = _tls(config)
        self.settings = Settings(
            profile=config.profile,
            server_properties=server_properties(
                config.profile, config.no_sync and not config.memory, self.broker.cluster_name
            ),
            channel_max=config.channel_max,
            frame_max_bytes=config.frame_max_bytes,
            heartbeat_s=config.heartbeat_s,
            handshake_timeout_s=config.handshake_timeout_s,
        )
        self.batch = Batch()
        self.endpoints: list[Endpoint] = []
        self.web_endpoints: dict[str, list[Endpoint]] = {}
        # What programs of the broker's own user on this machine log in to the API with; empty: nobody can.
        self.local_token = ""
        self.storage: Storage | None = None
        # Done when the disk has failed: the server has to be stopped.
        self.disk_failed = asyncio.Event()
        self.started_at_s = self.ticker.now_s()
        self.connections: set[ConnectionTransport] = set()
        self.handshakes = Handshakes()
        self.alarms: Alarms
        self.listening_fds: list[int] = []
        self._listeners: list[asyncio.Server | Acceptor] = []
        self._unix_inode: int | None = None
        self._flush_planned = False
        self._all_gone: asyncio.Event | None = None

    def _new_ticker(self) -> Ticker:
        # What falls due may be delivered.
        return Ticker(self.loop, self.flush_soon)

    def _new_clock(self) -> Clock:
        """What queues and messages go by: the same, but for a test suite."""
        return self.ticker

    async def start(self) -> None:
        """Opens and listens. Raises as these do."""
        self.open()
        await self.listen()

    def open(self, declare: Callable[[Broker], None] | None = None) -> None:
        """Everything but listening: what the data directory holds is there from now on. Raises as `Storage` does.

        declare: puts in what is to be there from the start beside that; where it brings users, there is no guest.
        """
        if not self.config.memory:
            from amqpbroker.server.storage import Storage  # with all of the journal, which a broker in memory has not

            self.storage = Storage(self)
        if declare is not None:
            declare(self.broker)
        if self.config.cluster_name and self.broker.cluster_name != self.config.cluster_name:
            # It was given another name once; what is configured holds from the start on, as with RabbitMQ.
            self.broker.global_parameters.set(CLUSTER_NAME, self.config.cluster_name)
        self._tell_cluster_name()
        set_up_access(self.broker, self.config)
        self.broker.events.begin(self.broker.vhosts[self.config.vhost])
        if self._log_exchange is not None:
            self._log_exchange.begin(self.config.log_exchange_level, self.config.log_format)
        self._watch_resources()

    def name_cluster(self, name: str) -> None:
        """What operators call the broker from now on, and what clients are told that connect."""
        self.broker.global_parameters.set(CLUSTER_NAME, name)
        self._tell_cluster_name()

    def _tell_cluster_name(self) -> None:
        self.settings.server_properties["cluster_name"] = long_string(self.broker.cluster_name)

    async def listen(self) -> None:
        """Listens on every address. Raises ListenError, naming the address, and listens on none."""
        try:
            addresses = addresses_of(self.config.hosts)
            await self._listen_on(addresses, self.config.port, None)
            await self._listen_on(addresses, self.config.tls_port, self.tls.amqp if self.tls is not None else None)
            if self.config.unix_socket is not None:
                await self._listen_unix(self.config.unix_socket)
        except ListenError:
            self._stop_listening()
            self._close_storage()
            raise

    async def stop(self, reason: str = SHUTDOWN) -> None:
        """Closes every connection with 320, waits a little for the answers, and ends."""
        self._stop_listening()
        self._all_gone = asyncio.Event()
        for connection in list(self.connections):
            # What the first to be closed has not acknowledged, as far as that was read, is not for the others.
            connection.stop_delivering()
        for connection in list(self.connections):
            connection.force_close(reason)
        self.batch.finish()
        if self.connections:
            try:
                await asyncio.wait_for(self._all_gone.wait(), self.stop_timeout_s)
            except TimeoutError:
                for connection in list(self.connections):
                    connection.abort()
                await self._all_gone.wait()
        if self._log_exchange is not None:
            self._log_exchange.end()
        self.ticker.stop()
        self._close_storage()

    async def recorded(self) -> None:
        """Ends when what was changed by now is on disk; clients are told of it meanwhile. OSError: the disk failed."""
        self.flush_soon()
        journal = self.broker.journal
        if journal is None:
            return
        last_number = journal.open_number if journal.is_recording else journal.open_number - 1
        if last_number > journal.done_number:
            done = asyncio.Event()
            journal.when_committed(done.set)
            await either(done, self.disk_failed)
        if self.disk_failed.is_set():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def disk_has_failed(self) -> None:
        """Tells every client: what waits for its confirm will not get one."""
        for connection in list(self.connections):
            connection.disk_has_failed()
        self.batch.finish()
        self.disk_failed.set()

    def _close_storage(self) -> None:
        if self.storage is not None:
            self.storage.close()
            self.storage = None

    def flush_soon(self) -> None:
        """Writes what was touched at the end of this turn of the loop."""
        if not self._flush_planned:
            self._flush_planned = True
            self.loop.call_soon(self._flush)

    def connection_gone(self) -> None:
        """A connection has ended."""
        if self._all_gone is not None and not self.connections:
            self._all_gone.set()

    def _watch_resources(self) -> None:
        """The alarms, and a first look: a watermark of 0 holds back the first who publishes."""
        there_are_bytes = memory_bytes()
        if there_are_bytes is None:
            logger.warning("the system does not tell its memory: it is taken for %d MiB", UNKNOWN_MEMORY_BYTES >> 20)
        self.alarms = Alarms(
            self.broker,
            self.ticker,
            watermark_bytes=self.config.vm_memory_high_watermark.bytes_of(there_are_bytes or UNKNOWN_MEMORY_BYTES),
            accounted_bytes=self.accounted_bytes,
            disk_free_limit_bytes=self.config.disk_free_limit,
            free_bytes=self.storage.free_bytes if self.storage is not None else None,
        )
        self.alarms.look()

    def accounted_bytes(self) -> int:
        """About how many octets of memory messages take: in queues, with clients, on the way out."""
        pending_bytes = self.broker.journal.pending_bytes if self.broker.journal is not None else 0
        in_connections_bytes = sum(connection.held_bytes() for connection in self.connections)
        return self.broker.held_bytes() + in_connections_bytes + pending_bytes

    def _flush(self) -> None:
        self._flush_planned = False
        self.batch.finish()

    async def _listen_on(self, addresses: list[Address], port: int, context: "ssl.SSLContext | None") -> None:
        """port: -1 is off. context: for a port that speaks TLS."""
        for address in addresses if port != -1 else ():
            endpoint = await self._listen(address._replace(port=port), context)
            # Any free port was asked for: the other addresses get the same one.
            port = port or endpoint.port

    async def _listen(self, address: Address, context: "ssl.SSLContext | None") -> Endpoint:
        listening = open_socket(address)
        endpoint = Endpoint(address.host, listening.getsockname()[1], tls=context is not None)
        if context is not None or self.config.proxy_protocol:
            from amqpbroker.server.accepting import Acceptor  # most start without

            self._listeners.append(Acceptor(self, listening, context))
        else:
            listener = await self.loop.create_server(
                lambda: self.transport_type(self), sock=listening, backlog=_ACCEPTS_PER_TURN
            )
            listening.listen(BACKLOG)
            self._listeners.append(listener)
        self.listening_fds.append(listening.fileno())
        self.endpoints.append(endpoint)
        return endpoint

    async def _listen_unix(self, path: str) -> None:
        if _is_listened_on(path):
            raise ListenError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)
        try:
            listener = await self.loop.create_unix_server(lambda: self.transport_type(self), path, backlog=BACKLOG)
        except OSError as error:
            raise listen_error(error, path) from error
        self._listeners.append(listener)
        self.listening_fds += [listening.fileno() for listening in listener.sockets]
        self._unix_inode = os.stat(path).st_ino
        self.endpoints.append(Endpoint(path=path))

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self.listening_fds.clear()
        self.endpoints.clear()
        path = self.config.unix_socket
        # Python removes the file since 3.13 only. Another server may have put its own there meanwhile.
        if path is not None and self._unix_inode is not None:
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_ino == self._unix_inode:
                    os.unlink(path)


async def either(*events: asyncio.Event) -> None:
    """Ends when one of them is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()


def _tls(config: Config) -> "Tls | None":
    """Raises ConfigError."""
    if config.tls_port == -1 and not config.http_tls:
        return None
    from amqpbroker.server.tls import Tls  # most start without

    return Tls(config)


def _interceptors(config: Config, node: str) -> Interceptors | None:
    """What is written into each message, if anything is: None is the usual case, and costs nothing."""
    if config.set_header_timestamp == config.set_header_routing_node == "false":
        return None
    overwrite = {"false": None, "keep": False, "overwrite": True}
    return Interceptors(node, overwrite[config.set_header_timestamp], overwrite[config.set_header_routing_node])


def _is_listened_on(path: str) -> bool:
    """Whether a server answers at the path: asyncio would take a socket file away from it without a word."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
