"""What comes before AMQP on a socket: the header of a proxy, then TLS, where these are configured.

Both are done with before asyncio reads for the connection: of a header no octet too many may be taken, as what follows
it is the client's TLS, and of a client that fails in its handshake asyncio would not say a word.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.server.listening import ip_address
from amqpbroker.server.proxy_protocol import Ends, MalformedProxyHeader, parse, wanted
from amqpbroker.server.transport import ConnectionTransport, connection_name

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

logger = logging.getLogger("amqpbroker.connection")

# Out of descriptors, most likely: nobody is helped by trying at once.
_REST_S: Final = 1.0
# OpenSSL's reasons that a person can do something about.
_ADVICE: Final = {
    "WRONG_VERSION_NUMBER": "the client does not speak TLS; plain AMQP has a port of its own",
    "UNKNOWN_PROTOCOL": "the client does not speak TLS; plain AMQP has a port of its own",
    "HTTP_REQUEST": "the client speaks HTTP without TLS",
    "UNSUPPORTED_PROTOCOL": "the client knows no version of TLS that is spoken here, see tls_versions",
    "NO_SHARED_CIPHER": "the client knows no cipher suite that is used here, see tls_ciphers",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client shows no certificate, see tls_fail_if_no_peer_cert",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust the authority of tls_cert",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client refuses tls_cert: it has another name, or has expired",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client refuses tls_cert: it has expired",
}


class Refused(Exception):
    """Why a socket will not be a connection."""


class Acceptor:
    """Accepts from a socket that listens. context: TLS is spoken there."""

    def __init__(self, server: "Server", listening: socket.socket, context: ssl.SSLContext | None) -> None:
        listening.setblocking(False)
        self._server = server
        self._listening = listening
        self._context = context
        self._beginning: set[asyncio.Task[None]] = set()
        self._accepting = server.loop.create_task(self._accept())
        # Not before the loop has let go of it.
        self._accepting.add_done_callback(lambda _: listening.close())

    def close(self) -> None:
        """Accepts nobody any more, and ends what has not become a connection."""
        self._accepting.cancel()
        for task in self._beginning:
            task.cancel()

    async def _accept(self) -> None:
        loop = self._server.loop
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except ConnectionAbortedError:  # it has gone already
                continue
            except OSError as error:
                logger.error("cannot accept connections: %s", error.strerror)
                await asyncio.sleep(_REST_S)
                continue
            beginning = loop.create_task(_Beginning(self._server, accepted, peer, self._context).run())
            self._beginning.add(beginning)
            beginning.add_done_callback(self._begun)
            # Others have their turn between two who come at once.
            await asyncio.sleep(0)

    def _begun(self, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a connection could not begin: internal error", exc_info=error)


class _Beginning:
    """A socket until its connection. peer: where it comes from, which a socket whose client has gone forgets."""

    def __init__(
        self, server: "Server", socket_: socket.socket, peer: tuple[Any, ...], context: ssl.SSLContext | None
    ) -> None:
        self._server = server
        self._socket = socket_
        self._peer = peer
        self._context = context
        self._task: asyncio.Task[None] | None = None

    def abort(self) -> None:
        """Ends it: another one from that address has come."""
        assert self._task is not None
        self._task.cancel()

    async def run(self) -> None:
        """Ends with a connection that goes on by itself, or with a closed socket and a line in the log."""
        self._task = asyncio.current_task()
        handshakes = self._server.handshakes
        address, name = str(self._peer[0]), connection_name(self._peer, self._socket.getsockname())
        # Made now: the time it has to log in counts from here.
        connection = self._server.transport_type(self._server)
        handshakes.begin(self, address, self._server.ticker.now_s())
        try:
            async with asyncio.timeout(self._server.config.handshake_timeout_s):
                with _closed_unless_done(self._socket):
                    if self._server.config.proxy_protocol:
                        connection.ends = await self._proxys_word(address)
                await self._connect(connection)
        except (Refused, MalformedProxyHeader, OSError) as error:
            # Who comes and goes without a word looks whether anybody is there.
            level = logging.INFO if isinstance(error, ConnectionResetError) else logging.ERROR
            logger.log(level, "closing AMQP connection %s: %s", name, _reason(error))
        finally:
            handshakes.end(self, address)

    async def _proxys_word(self, address: str) -> Ends | None:
        """What the header says. Raises Refused, MalformedProxyHeader, OSError."""
        if not self._is_believed(address):
            raise Refused("no proxy is believed that connects from there, see proxy_protocol_from")
        header = b""
        while missing := wanted(header):
            octets = await self._server.loop.sock_recv(self._socket, missing)
            if not octets and header:
                raise Refused("it ended before the header of a proxy was whole")
            if not octets:
                raise ConnectionResetError
            header += octets
        return parse(header)

    def _is_believed(self, address: str) -> bool:
        found = ip_address(address)
        return any(found in network for network in self._server.config.proxy_protocol_from)

    async def _connect(self, connection: ConnectionTransport) -> None:
        """Does TLS, if there is any; whatever happens, the socket is the loop's to close."""
        await self._server.loop.connect_accepted_socket(
            lambda: connection,
            self._socket,
            ssl=_Telling(self._context, self._socket) if self._context is not None else None,
            ssl_handshake_timeout=self._server.config.handshake_timeout_s if self._context is not None else None,
        )


class _Telling(ssl.SSLContext):
    """Another context, for one handshake: the alert that tells the client what failed goes out.

    asyncio, and uvloop as well, would close the socket without it.
    """

    def __new__(cls, _context: ssl.SSLContext, _socket: socket.socket) -> "_Telling":
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, context: ssl.SSLContext, socket_: socket.socket) -> None:
        self._context = context
        self._socket = socket_

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As a context does it."""
        connection = self._context.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        shake_hands = connection.do_handshake

        def do_handshake() -> None:
            try:
                shake_hands()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError:
                with suppress(OSError):  # it has gone already, or reads nothing
                    self._socket.send(outgoing.read())
                raise

        connection.do_handshake = do_handshake  # type: ignore[method-assign]
        return connection


@contextmanager
def _closed_unless_done(socket_: socket.socket) -> Iterator[None]:
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            socket_.close()


def _reason(error: Exception) -> str:
    match error:
        case ConnectionResetError():
            return "the client went away"
        case TimeoutError() | ConnectionAbortedError():
            return "its handshake took too long"
        case ssl.SSLCertVerificationError():
            return f"TLS: the client's certificate is refused: {error.verify_message}"
        case ssl.SSLError() if error.reason:
            return f"TLS: {_ADVICE.get(error.reason, error.reason.replace('_', ' ').lower())}"
        case OSError():
            return error.strerror or str(error)
        case MalformedProxyHeader():
            return f"the header of the proxy is malformed: {error}"
    return str(error)
