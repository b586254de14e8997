"""The expiration property of a message: a text that has to be a number of milliseconds."""

import re
from typing import Final

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError

# Ten years; RabbitMQ takes no longer time to live.
EXPIRATION_MAX_MS: Final = 315_360_000_000
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")


def parse_expiration(text: str) -> int:
    """Milliseconds to live. Raises 406. Source: RabbitMQ `rabbit_basic:parse_expiration`."""
    number = _NUMBER.match(text)
    if number is None:
        raise _invalid(text, "no_integer")
    if number.end() < len(text):
        raise _invalid(text, f'{{leftover_string,"{text[number.end() :]}"}}')
    milliseconds = int(number.group())
    if milliseconds < 0:
        raise _invalid(text, f"{{value_negative,{milliseconds}}}")
    if milliseconds > EXPIRATION_MAX_MS:
        raise _invalid(text, f"{{value_too_large,{milliseconds}}}")
    return milliseconds


def _invalid(text: str, reason: str) -> AMQPError:
    return AMQPError(PRECONDITION_FAILED, f"invalid expiration '{text}': {reason}")
