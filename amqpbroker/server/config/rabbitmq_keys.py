"""Which keys a rabbitmq.conf may have, whether they mean something here or not."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from amqpbroker.server.config.conf_format import Key
from amqpbroker.server.config.errors import nearest


def matches(key: Key, pattern: Key) -> bool:
    """Whether a key is of a pattern, in which $ begins a part that may be anything."""
    return len(key) == len(pattern) and all(
        part.startswith("$") or part == own for own, part in zip(key, pattern, strict=True)
    )


def is_known(key: Key) -> bool:
    """Whether a RabbitMQ knows the key."""
    return any(matches(key, pattern) for pattern in _patterns())


def nearest_key(name: str) -> str:
    """`did you mean x?`, or where the keys are to be found."""
    found = nearest(name, [".".join(pattern) for pattern in _patterns()])
    return found if found.startswith("did") else "RabbitMQ's documentation has the keys there are"


@cache
def _patterns() -> tuple[Key, ...]:
    """Read when a key means nothing here, which is seldom."""
    return tuple(_read())


def _read() -> Iterator[Key]:
    text = Path(__file__).with_name("rabbitmq_keys.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            yield tuple(line.split("."))
