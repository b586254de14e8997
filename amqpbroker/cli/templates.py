"""What stands in double braces in a message that is published many times, as in NATS' `nats pub`."""

import random
import re
import string
import time
import uuid
from collections.abc import Callable
from typing import Final

_TEMPLATE: Final = re.compile(
    rb"\{\{ *(Count|TimeStamp|Time|UnixNano|Unix|ID|Random +([0-9]{1,7}) +([0-9]{1,7})) *\}\}"
)
_LETTERS: Final = string.ascii_letters + string.digits
_WORDS: Final[dict[bytes, Callable[[int], str]]] = {
    b"Count": str,
    b"TimeStamp": lambda _: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    b"Time": lambda _: time.strftime("%H:%M:%S"),
    b"Unix": lambda _: str(int(time.time())),
    b"UnixNano": lambda _: str(time.time_ns()),
    b"ID": lambda _: uuid.uuid4().hex,
}


def fill_in(text: bytes, number: int) -> bytes:
    """The text with the templates filled in for the message of this number; other braces stay as they are."""
    if b"{{" not in text:
        return text
    return _TEMPLATE.sub(lambda found: _value(found, number), text)


def _value(found: re.Match[bytes], number: int) -> bytes:
    if found[2] is None:
        return _WORDS[found[1]](number).encode()
    least, most = sorted((int(found[2]), int(found[3])))
    # For variety, not for secrets.
    return "".join(random.choices(_LETTERS, k=random.randint(least, most))).encode()
