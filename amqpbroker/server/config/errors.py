"""The line that refuses a setting: what is wrong, where it stands, what to do."""

from collections.abc import Callable, Iterable
from typing import NoReturn, TypeAlias

# Gets a line for what is no error, and yet is not as somebody thinks.
Warn: TypeAlias = Callable[[str], object]


class ConfigError(Exception):
    """A setting that cannot be used: what is wrong, where it stands, what to do. One line, without secrets."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean x?`, for the known word nearest to this one, or which words there are when none is near."""
    import difflib  # only a mistake pays for it

    words = list(known)
    near = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(words)}"


def refuse_unknown(where: str, name: object, known: Iterable[str]) -> NoReturn:
    """Raises ConfigError: there is no setting of that name, and which one is nearest."""
    raise ConfigError(f"{where}: unknown setting {name}; {nearest(str(name), known)}")
