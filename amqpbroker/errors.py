"""Reply codes with their scope, and the one exception that becomes a close frame.

Whoever finds a fault raises `AMQPError` with a reply code and a sentence. Nobody but the connection turns it into a
`channel.close` or `connection.close`: the code alone decides which of the two, as in RabbitMQ's
`rabbit_binary_generator:map_exception`, and the reply text is built here, once.
"""

from typing import Final

REPLY_SUCCESS: Final = 200
CONTENT_TOO_LARGE: Final = 311
NO_ROUTE: Final = 312
NO_CONSUMERS: Final = 313
CONNECTION_FORCED: Final = 320
INVALID_PATH: Final = 402
ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
RESOURCE_LOCKED: Final = 405
PRECONDITION_FAILED: Final = 406
FRAME_ERROR: Final = 501
SYNTAX_ERROR: Final = 502
COMMAND_INVALID: Final = 503
CHANNEL_ERROR: Final = 504
UNEXPECTED_FRAME: Final = 505
RESOURCE_ERROR: Final = 506
NOT_ALLOWED: Final = 530
NOT_IMPLEMENTED: Final = 540
INTERNAL_ERROR: Final = 541

NAMES: Final = {value: name for name, value in list(globals().items()) if isinstance(value, int) and name.isupper()}

# A fault of the channel leaves the connection and its other channels alone; any other code closes the connection.
CHANNEL_CODES: Final = frozenset(
    {CONTENT_TOO_LARGE, NO_ROUTE, NO_CONSUMERS, ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED}
)

REPLY_TEXT_MAX_BYTES: Final = 255  # a short string; RabbitMQ cuts longer texts to 252 octets and three dots


def reply_text(code: int, explanation: str) -> str:
    """The text of a close frame, `NAME - explanation` or the name alone, cut to a short string.

    Source: RabbitMQ `rabbit_binary_generator:amqp_exception_explanation`.
    """
    text = f"{NAMES[code]} - {explanation}" if explanation else NAMES[code]
    octets = text.encode("utf-8", "surrogateescape")
    if len(octets) <= REPLY_TEXT_MAX_BYTES:
        return text
    return octets[: REPLY_TEXT_MAX_BYTES - 3].decode("utf-8", "surrogateescape") + "..."


class AMQPError(Exception):
    """A fault that the peer is told of: by `channel.close` or, where the code is a hard error, `connection.close`.

    code: one of the reply codes above. explanation: RabbitMQ's sentence, without the code's name.
    method_id: (class, method) to report in the close frame; None leaves it to the connection, which reports the method
    it was handling; (0, 0) is for frame errors, timeouts and forced closes.
    """

    def __init__(self, code: int, explanation: str, method_id: tuple[int, int] | None = None) -> None:
        super().__init__(code, explanation)
        self.code = code
        self.explanation = explanation
        self.method_id = method_id

    @property
    def closes_connection(self) -> bool:
        """Whether the fault is the connection's: its code is none of the channel's."""
        return self.code not in CHANNEL_CODES

    @property
    def text(self) -> str:
        """The reply text of the close frame."""
        return reply_text(self.code, self.explanation)

    def __str__(self) -> str:
        return f"{self.code} {self.text}"
