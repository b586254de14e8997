"""What a shim was called with: options anywhere among the words, as RabbitMQ's programs take them.

Source: RabbitMQ's rabbitmq_cli, `parser.ex`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from amqpbroker.cli.shims.failing import EX_USAGE, Failed

# Option → what it is called here; these take a value.
_GLOBAL_VALUES: Final = {
    "-n": "node",
    "--node": "node",
    "-t": "timeout",
    "--timeout": "timeout",
    "-p": "vhost",
    "--vhost": "vhost",
    "--formatter": "formatter",
    "--printer": "printer",
}
_GLOBAL_SWITCHES: Final = {
    "-q": "quiet",
    "--quiet": "quiet",
    "-s": "silent",
    "--silent": "silent",
    "-l": "longnames",
    "--longnames": "longnames",
    "--no-table-headers": "no_table_headers",
    "--dry-run": "dry_run",
}


@dataclass(frozen=True)
class Invocation:
    """program: as it was called. words: the command's arguments. given: its own options, a switch being "true"."""

    program: str
    command: str
    words: tuple[str, ...]
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def vhost(self) -> str:
        """The virtual host meant."""
        return self.given.get("vhost", "/")

    @property
    def formatter(self) -> str:
        """How results are written."""
        return self.given.get("formatter", "table")

    @property
    def is_quiet(self) -> bool:
        """Whether nothing but results is said."""
        return "quiet" in self.given or self.is_silent

    @property
    def is_silent(self) -> bool:
        """Whether not even headings of tables are said."""
        return "silent" in self.given

    def timeout_s(self, default_s: float) -> float:
        """How long to try. Raises Failed: it is no number."""
        text = self.given.get("timeout")
        if text in (None, "infinity"):
            return default_s
        try:
            return float(str(text))
        except ValueError:
            raise Failed(
                EX_USAGE, f"Error (argument validation): Invalid options for this command:\n-t : {text}"
            ) from None


def parse(program: str, arguments: Sequence[str], values: Mapping[str, str], switches: Mapping[str, str]) -> Invocation:
    """Take words and options apart. values, switches: the command's own options → their names. Raises Failed."""
    with_value = _GLOBAL_VALUES | dict(values)
    without = _GLOBAL_SWITCHES | dict(switches)
    words: list[str] = []
    given: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            break
        if not re.fullmatch(r"--?[A-Za-z].*", word, re.DOTALL):
            words.append(word)
            continue
        option, equals, value = word.partition("=")
        if option in without and not equals:
            given[without[option]] = "true"
        elif option in with_value and equals:
            given[with_value[option]] = value
        elif option in with_value and rest:
            given[with_value[option]] = rest.pop(0)
        else:
            raise Failed(
                EX_USAGE, f"Error (argument validation): Invalid options for this command:\n{option} : {value}"
            )
    return Invocation(program, words[0] if words else "", tuple(words[1:]), given)
