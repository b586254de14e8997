"""Frames of one channel put together: a method, or a method with its content.

Source: RabbitMQ `rabbit_command_assembler`.
"""

from typing import Final

from amqpbroker.errors import FRAME_ERROR, UNEXPECTED_FRAME, AMQPError
from amqpbroker.limits import BODY_MAX_BYTES
from amqpbroker.profiles import Profile
from amqpbroker.wire.constants import BASIC, BODY, HEADER, METHOD
from amqpbroker.wire.methods import Method, decode

BASIC_PUBLISH: Final = (60, 40)
# Methods that carry content; a client may send the first only, but is refused by name after its content.
WITH_CONTENT: Final = frozenset({BASIC_PUBLISH, (60, 50), (60, 60), (60, 71)})


class Assembled:
    """A whole command. payload: the method frame's; header and body: None where the method has no content."""

    __slots__ = ("body", "header", "method", "payload")

    def __init__(self, method: Method, payload: bytes, header: bytes | None = None, body: bytes = b"") -> None:
        self.method = method
        self.payload = payload
        self.header = header
        self.body = body


class Assembler:
    """expecting: METHOD, HEADER or BODY. method_id: of the method whose content is on its way.

    discarding: the content on its way is counted but not kept.
    """

    __slots__ = ("_body", "_header", "_method", "_payload", "_profile", "_remaining", "discarding", "expecting")

    def __init__(self, profile: Profile) -> None:
        self.expecting = METHOD
        self.discarding = False
        self._profile = profile
        self._method: Method | None = None
        self._payload = b""
        self._header = b""
        self._remaining = 0
        # One buffer, not a list of pieces: empty or tiny body frames must not cost more than they hold.
        self._body = bytearray()

    @property
    def method_id(self) -> tuple[int, int]:
        """Of the method whose content is awaited; (0, 0) when none is."""
        return self._method.id if self._method is not None else (0, 0)

    def accept(self, kind: int, payload: bytes) -> Assembled | None:
        """Takes a frame; gives the command when it is whole. Raises 501, 505, and the faults of `methods.decode`."""
        if self.expecting == METHOD:
            if kind != METHOD:
                raise AMQPError(UNEXPECTED_FRAME, "expected method frame, got non method frame instead", (0, 0))
            return self._begin(payload)
        if self.expecting == HEADER:
            if kind != HEADER or len(payload) < 12:
                text = "expected content header for class 60, got non content header frame instead"
                raise AMQPError(UNEXPECTED_FRAME, text, self.method_id)
            return self._content_header(payload)
        if kind != BODY:
            text = "expected content body, got non content body frame instead"
            raise AMQPError(UNEXPECTED_FRAME, text, self.method_id)
        return self._content_body(payload)

    def _begin(self, payload: bytes) -> Assembled | None:
        method = decode(payload)
        if method.id not in WITH_CONTENT:
            return Assembled(method, payload)
        self._method = method
        self._payload = payload
        self.expecting = HEADER
        return None

    def _content_header(self, payload: bytes) -> Assembled | None:
        class_id = int.from_bytes(payload[:2], "big")
        if class_id != BASIC:
            text = f"expected content header for class 60, got one for class {class_id} instead"
            raise AMQPError(UNEXPECTED_FRAME, text, self.method_id)
        if payload[2:4] != b"\0\0":
            text = "expected content header for class 60, got non content header frame instead"
            raise AMQPError(UNEXPECTED_FRAME, text, self.method_id)
        self._header = payload
        self._remaining = int.from_bytes(payload[4:12], "big")
        if self._remaining > BODY_MAX_BYTES and self._profile.series >= (4, 0):
            text = f"content body size {self._remaining} exceeds maximum allowed size {BODY_MAX_BYTES}"
            raise AMQPError(FRAME_ERROR, text, self.method_id)
        self.expecting = BODY
        return self._finish() if not self._remaining else None

    def _content_body(self, payload: bytes) -> Assembled | None:
        if len(payload) > self._remaining:
            if self._profile.series >= (4, 0):
                raise AMQPError(FRAME_ERROR, "content body frame exceeds remaining content size", self.method_id)
            # 3.x counts below zero and waits for a body that never ends.
            self._remaining = -1
            return None
        if not self.discarding:
            self._body += payload
        self._remaining -= len(payload)
        return self._finish() if not self._remaining else None

    def _finish(self) -> Assembled:
        method = self._method
        assert method is not None
        whole = Assembled(method, self._payload, self._header, bytes(self._body))
        self.expecting = METHOD
        self.discarding = False
        self._method = None
        self._body = bytearray()
        return whole
