"""Checks of what is set by name and value (policies, parameters, limits), in RabbitMQ's words.

Values are those of JSON: None, bool, int, float, str, list, dict.
Source: RabbitMQ `rabbit_parameter_validation`, and `rabbit_runtime_parameters:format_error` for how errors are put.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from amqpbroker.model.policies.backtracking import is_explosive
from amqpbroker.profiles import Profile
from amqpbroker.wire import erlang

# Since 4.2.9, so that nobody can have the broker match at great length.
PATTERN_MAX_BYTES: Final = 1024

# RabbitMQ takes such a pattern, and gives up the search.
TAKES_FOR_EVER: Final = "may take for ever: within a repetition something matches in two ways"

# Given a name and its value, says what is wrong.
Check = Callable[[str, Any], str | None]


class InvalidParameterError(Exception):
    """What was to be set is refused. reason: RabbitMQ's text for it, several lines perhaps."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Constraint(NamedTuple):
    """A key that an object may have, and has to if mandatory."""

    key: str
    check: Check
    mandatory: bool = False


def raise_if(errors: Iterable[str]) -> None:
    """Raises InvalidParameterError if there are any."""
    if lines := list(errors):
        raise InvalidParameterError("\n".join(["Validation failed\n", *lines]) + "\n")


def object_errors(name: str, constraints: Iterable[Constraint], values: Any) -> list[str]:
    """What is wrong with an object of that name; the last of the constraints is told of first, as in RabbitMQ."""
    if not isinstance(values, Mapping):
        return [f"{name} not a list {erlang.json_term(values)}"]
    errors = []
    left = dict(values)
    for key, check, mandatory in constraints:
        if key in left:
            if wrong := check(key, left.pop(key)):
                errors.append(wrong)
        elif mandatory:
            errors.append(f'Key "{key}" not found in {name}')
    if left:
        errors.append(f"Unrecognised terms {erlang.json_pairs(left)} in {name}")
    return errors[::-1]


def is_integer(value: Any) -> bool:
    """Whether a value of JSON is an integer; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(name: str, value: Any) -> str | None:
    """Any number."""
    return None if is_integer(value) or isinstance(value, float) else _no_number(name, value)


def integer(name: str, value: Any) -> str | None:
    """An integer; RabbitMQ says 'number' there too."""
    return None if is_integer(value) else _no_number(name, value)


def _no_number(name: str, value: Any) -> str:
    return f"{name} should be a number, actually was {erlang.json_term(value)}"


def regex(profile: Profile) -> Check:
    """A regular expression that names may be matched with."""

    def check(name: str, value: Any) -> str | None:
        if not isinstance(value, str):
            return f"{name} should be a binary but was {erlang.json_term(value)}"
        size_bytes = len(value.encode("utf-8", "surrogateescape"))
        if profile.series >= (4, 0) and size_bytes > PATTERN_MAX_BYTES:
            return f"{name} must not exceed {PATTERN_MAX_BYTES} bytes"
        try:
            compiled = compile_pattern(value)
        except re.error as error:
            text = f"{name} should be regular expression but is invalid: "
            words, at_end = _PCRE_WORDS.get(error.msg, (error.msg, False))
            return text + erlang.with_number(words, size_bytes if at_end else error.pos or 0, len(text))
        return f"{name} {TAKES_FOR_EVER}" if is_explosive(compiled) else None

    return check


def compile_pattern(pattern: str) -> re.Pattern[bytes]:
    r"""A regular expression over the octets of names, as Erlang's `re` has them. Raises re.error.

    Written for PCRE: its `\z`, `\Z` and classes such as `[:alpha:]` are put in Python's words. What Python's `re` has
    no word for (`\p{L}`, recursion, `\K`) is an error.
    """
    octets = _ONLY_PCRE.sub(_in_words_of_python, pattern.encode("utf-8", "surrogateescape"))
    with warnings.catch_warnings():
        # `[[a]` may be a set within a set one day.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(octets)


# Whatever is escaped is looked at as one, so that `\\z` stays a backslash and a z.
_ONLY_PCRE: Final = re.compile(rb"\\.|\(\?<(?![=!])|\[:(\^?)([a-z]+):\]", re.DOTALL)
_WORDS: Final = {rb"\z": rb"\Z", rb"\Z": rb"(?=\n?\Z)", b"(?<": b"(?P<"}
_CLASSES: Final = {
    b"alnum": rb"a-zA-Z0-9",
    b"alpha": rb"a-zA-Z",
    b"ascii": rb"\x00-\x7f",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": rb"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb"\s",
    b"upper": rb"A-Z",
    b"word": rb"\w",
    b"xdigit": rb"0-9a-fA-F",
}


def _in_words_of_python(found: re.Match[bytes]) -> bytes:
    if found[2] is None:
        return _WORDS.get(found[0], found[0])
    if found[1] or found[2] not in _CLASSES:
        raise re.error("unknown POSIX class name", None, found.start() + 2)
    return _CLASSES[found[2]]


# What Python says → what PCRE says, and whether PCRE's position is at the end of the pattern.
_PCRE_WORDS: Final = {
    "missing ), unterminated subpattern": ("missing )", True),
    "unterminated character set": ("missing terminating ] for character class", True),
    "bad escape (end of pattern)": ("\\ at end of pattern", True),
    "unbalanced parenthesis": ("unmatched parentheses", False),
    "nothing to repeat": ("nothing to repeat", False),
    "multiple repeat": ("nothing to repeat", False),
    "missing >, unterminated name": ("syntax error in subpattern name (missing terminator)", True),
}
