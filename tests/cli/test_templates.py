"""What stands in double braces in a message that is published many times."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli.templates import fill_in


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (b"n {{Count}}", rb"n 7"),
        (b"{{ Count }}{{Count}}", rb"77"),
        (b"{{ID}}", rb"[0-9a-f]{32}"),
        (b"{{TimeStamp}}", rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        (b"{{Time}}", rb"\d\d:\d\d:\d\d"),
        (b"{{Unix}}", rb"\d{10}"),
        (b"{{UnixNano}}", rb"\d{19}"),
        (b"{{Random 3 8}}", rb"[A-Za-z0-9]{3,8}"),
        (b"{{Random 8 3}}", rb"[A-Za-z0-9]{3,8}"),
        (b"{{Random 0 0}}", rb""),
    ],
)
def test_a_template_is_filled_in(text: bytes, pattern: bytes) -> None:
    assert re.fullmatch(pattern, fill_in(text, 7))


@pytest.mark.parametrize("text", [b"{{count}}", b"{{Other}}", b"{Count}", b"{{Count", b"{{Random 3}}", b"\xff{{"])
def test_other_braces_stay(text: bytes) -> None:
    assert fill_in(text, 7) == text


@given(st.binary())
def test_what_has_no_braces_stays(text: bytes) -> None:
    text = text.replace(b"{{", b"")
    assert fill_in(text, 7) == text
