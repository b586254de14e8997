"""What is set by name is checked, and refused in RabbitMQ's words: those below were recorded on RabbitMQ 3.10.8."""

import re
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amqpbroker.model.policies.validation import (
    PATTERN_MAX_BYTES,
    Constraint,
    InvalidParameterError,
    compile_pattern,
    integer,
    number,
    object_errors,
    raise_if,
    regex,
)
from amqpbroker.profiles import PROFILES

OLD, NEW = PROFILES["3.13"], PROFILES["4.3"]


def matches(pattern: str, name: str) -> bool:
    return compile_pattern(pattern).search(name.encode()) is not None


@pytest.mark.parametrize(
    ("pattern", "explanation"),
    [
        ("(", '{"missing )",1}'),
        ("((a", '{"missing )",3}'),
        ("a**", '{"nothing to repeat",2}'),
        ("*a", '{"nothing to repeat",0}'),
        ("ab**", '{"nothing to repeat",3}'),
        (")", '{"unmatched parentheses",\n' + " " * 54 + "0}"),
        ("a)b", '{"unmatched parentheses",\n' + " " * 54 + "1}"),
        ("[a", '{"missing terminating ] for character class",\n' + " " * 54 + "2}"),
        ("[[:foo:]]", '{"unknown POSIX class name",\n' + " " * 54 + "3}"),
        ("(?<n", '{"syntax error in subpattern name (missing terminator)",\n' + " " * 54 + "4}"),
        ("\\", '{"\\\\ at end of pattern",\n' + " " * 54 + "1}"),
    ],
)
def test_a_pattern_that_is_none(pattern: str, explanation: str) -> None:
    assert regex(OLD)("pattern", pattern) == f"pattern should be regular expression but is invalid: {explanation}"


def test_a_pattern_is_a_text() -> None:
    assert regex(OLD)("pattern", 1) == "pattern should be a binary but was 1"


@pytest.mark.parametrize("pattern", ["", "(?i)a", r"\Aa\z", "a++", "(?>a)", "[[:alpha:]]", "^amq\\.", "größe"])
def test_patterns_that_rabbitmq_takes(pattern: str) -> None:
    assert regex(OLD)("pattern", pattern) is None


def test_since_4_a_pattern_is_not_too_long() -> None:
    longest = "a" * PATTERN_MAX_BYTES
    assert regex(NEW)("pattern", longest) is None
    assert regex(NEW)("pattern", longest + "a") == "pattern must not exceed 1024 bytes"
    assert regex(OLD)("pattern", longest + "a") is None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("^tasks", "tasks.new", True),
        ("^tasks$", "tasks.new", False),
        (r"\Atasks\z", "tasks", True),
        (r"tasks\z", "tasks\n", False),
        (r"tasks\Z", "tasks\n", True),
        (r"tasks\\z", r"tasks\z", True),
        ("^[[:digit:][:punct:]]+$", "1-2", True),
        ("^[[:digit:]]+$", "12a", False),
        ("(?<name>a)b", "ab", True),
        ("(?<!a)b", "ab", False),
        ("ö", "größe", True),
        ("^..$", "ö", True),
    ],
)
def test_patterns_mean_what_they_mean_to_pcre(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@example("[[]")
@given(st.text(alphabet="a[]()\\^$.|?*+:{}<>!=-zZ0&~ö", max_size=12))
def test_any_pattern_is_taken_or_refused_in_words(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wrong = regex(OLD)("pattern", pattern)
    assert wrong is None or wrong.startswith("pattern should be regular expression but is invalid: {")


@given(st.text(max_size=20))
def test_an_escaped_name_matches_itself(name: str) -> None:
    assert compile_pattern(rf"\A{re.escape(name)}\z").search(name.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(("value", "shown"), [("x", '<<"x">>'), (True, "true"), (None, "null"), ([1], "[1]")])
def test_what_is_no_number(value: object, shown: str) -> None:
    words = f"max-queues should be a number, actually was {shown}"
    assert number("max-queues", value) == integer("max-queues", value) == words


def test_a_float_is_a_number_and_no_integer() -> None:
    assert number("priority", 1.5) is None
    assert integer("max-queues", 1.5) == "max-queues should be a number, actually was 1.5"


LIMITS = (Constraint("max-connections", integer), Constraint("max-queues", integer, mandatory=True))


def test_an_object_that_is_none() -> None:
    assert object_errors("limits", LIMITS, 1) == ["limits not a list 1"]


def test_a_key_that_is_missing() -> None:
    assert object_errors("limits", LIMITS, {}) == ['Key "max-queues" not found in limits']


def test_the_last_constraint_is_told_of_first_and_what_is_unknown_before_all() -> None:
    given_values = {"max-connections": "x", "max-queues": "y", "nonsense": 1}
    assert object_errors("limits", LIMITS, given_values) == [
        'Unrecognised terms [{<<"nonsense">>,1}] in limits',
        'max-queues should be a number, actually was <<"y">>',
        'max-connections should be a number, actually was <<"x">>',
    ]


def test_errors_are_put_as_rabbitmq_puts_them() -> None:
    with pytest.raises(InvalidParameterError) as refused:
        raise_if(["one", "two"])
    assert refused.value.reason == "Validation failed\n\none\ntwo\n"
    raise_if([])
