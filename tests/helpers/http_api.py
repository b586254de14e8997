"""An HTTP API that gives the answers a test has laid out, and keeps what it was asked."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

AskJson = Callable[..., Any]
NOT_FOUND = (404, {"error": "Object Not Found", "reason": "Not Found"})


@dataclass
class Api:
    """answers: "GET /api/queues" → what is given, or (status, what is given). asked: method, target, body, in turn."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        """What was laid out for exactly this, or for it without what is asked for in the query."""
        for key in (f"{method} {target}", f"{method} {target.partition('?')[0]}"):
            if key in self.answers:
                found = self.answers[key]
                return found if isinstance(found, tuple) else (200, found)
        return NOT_FOUND


@contextmanager
def http_api(tls: ssl.SSLContext | None = None) -> Iterator[Api]:
    """Listens on a free port of loopback until the end of the block. tls: None is without."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            api.asked.append((self.command, self.path, json.loads(content) if content else None))
            api.headers.append(dict(self.headers))
            status, found = api.answer(self.command, self.path)
            octets = b"" if found is None else found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        api.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
