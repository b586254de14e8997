"""What the linter has found: each once for a place."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from amqpbroker.server.config.errors import ConfigError, nearest
from amqpbroker.testing.linter.rules import RULES, AmqpBrokerWarning

# What the broker makes up is another name each time, for the same line of code.
_GENERATED: Final = re.compile(r"^amq\.[a-z-]+[-.][A-Za-z0-9_.=-]{22,}$")
# A program that does it everywhere has one fault, not a thousand.
_PLACES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was: "" and 0 where there is no such.

    connection: as the broker calls it, by its two ends. connection_name: what the client calls it, if it does.
    """

    vhost: str = "/"
    connection: str = ""
    connection_name: str = ""
    channel: int = 0
    exchange: str = ""
    queue: str = ""

    def __str__(self) -> str:
        parts = []
        if self.queue:
            parts.append(f"queue '{self.queue}'")
        if self.exchange:
            parts.append(f"exchange '{self.exchange}'")
        if self.vhost != "/":
            parts.append(f"virtual host '{self.vhost}'")
        if self.connection:
            named = f" '{self.connection_name}'" if self.connection_name else ""
            parts.append(f"connection{named} {self.connection}")
        if self.channel:
            parts.append(f"channel {self.channel}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Finding:
    """rule: its explanation and remedy, and the category of its warning. what: what was done there."""

    rule: type[AmqpBrokerWarning]
    what: str
    place: Place

    @property
    def name(self) -> str:
        """The name of the rule."""
        return self.rule.name

    def __str__(self) -> str:
        where = f" ({self.place})" if str(self.place) else ""
        return f"{self.name}: {self.what}{where}. {_sentence(self.rule.explanation)} Remedy: {self.rule.remedy}."

    def warning(self) -> AmqpBrokerWarning:
        """It as a warning of Python."""
        return self.rule(str(self))


class Findings:
    """Those of one broker. ignored: names of rules that are not wanted. is_open: whether there may be more.

    Raises ConfigError: there is no such rule.
    """

    def __init__(self, ignored: Collection[str] = ()) -> None:
        for name in ignored:
            if name not in RULES:
                raise ConfigError(f"lint_ignore: unknown rule {name}; {nearest(name, RULES)}")
        self.is_open = True
        self._ignored = frozenset(ignored)
        self._found: dict[tuple[str, ...], Finding] = {}

    def add(self, rule: type[AmqpBrokerWarning], what: str, place: Place) -> None:
        """One more, unless it is known of this place: of the client by its own name, the exchange and the queue."""
        key = (rule.name, place.vhost, place.connection_name, *map(_without_token, (place.exchange, place.queue)))
        is_wanted = self.is_open and rule.name not in self._ignored
        if is_wanted and key not in self._found and len(self._found) < _PLACES_MAX:
            self._found[key] = Finding(rule, what, place)

    def all(self) -> list[Finding]:
        """In the order in which they were found."""
        return list(self._found.values())

    def take(self) -> list[Finding]:
        """The same; from now on each counts as new."""
        found = self.all()
        self._found.clear()
        return found


def _without_token(name: str) -> str:
    return "amq." if _GENERATED.match(name) else name


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
