"""The lines of a rabbitmq.conf while they are read: whatever is taken has been seen to."""

from collections.abc import Iterable

from amqpbroker.server.config.conf_format import Key, Line
from amqpbroker.server.config.errors import ConfigError
from amqpbroker.server.config.rabbitmq_keys import matches


class ConfLines:
    """lines: all of them, by key."""

    def __init__(self, lines: dict[Key, Line]) -> None:
        self._left = dict(lines)

    @property
    def left(self) -> Iterable[Line]:
        """What nobody has taken."""
        return self._left.values()

    def take(self, pattern: str, *values: object) -> list[Line]:
        """The lines of a pattern, which are seen to by that. values: if any, the only ones that are taken."""
        parts = tuple(pattern.split("."))
        found = [line for key, line in self._left.items() if matches(key, parts)]
        for line in found:
            if line.value.startswith("encrypted:"):
                advice = "give it as it is, or from a file as $(<file)"
                raise ConfigError(f"{line.where}: {line.name}: encrypted values are not read here; {advice}")
        taken = [line for line in found if not values or line.value in values]
        for line in taken:
            del self._left[line.key]
        return taken

    def one(self, *patterns: str) -> Line | None:
        """The line of the first of these that is there; the others are seen to as well."""
        found = [line for pattern in patterns for line in self.take(pattern)]
        return found[0] if found else None
