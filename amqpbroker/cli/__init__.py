"""A person at a shell: the verbs of the program `amqpbroker`. Here is what every verb has in common."""

import sys
from typing import Final, TextIO

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
# As sysexits.h has them: a program's wrong use (for what RabbitMQ's programs do and ours cannot), a service that is not
# there, an input/output error.
EXIT_CANNOT: Final = 64
EXIT_UNREACHABLE: Final = 69
EXIT_DISK_FAILED: Final = 74


def say(text: str) -> None:
    """Print to stdout at once."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """Print to stderr, after the program's name, why it does not do what was asked for."""
    _write(sys.stderr, f"amqpbroker: {text}")


def _write(stream: TextIO | None, text: str) -> None:
    """Nobody need be listening: a closed stream is None, and one whose reader has gone is left alone from then on."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)
    except OSError:
        from amqpbroker.server.logs import discard

        discard(stream.fileno())
