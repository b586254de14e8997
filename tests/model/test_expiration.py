"""The expiration property."""

import pytest

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.expiration import EXPIRATION_MAX_MS, parse_expiration


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("0", 0), ("60000", 60_000), ("+5", 5), ("007", 7), ("315360000000", EXPIRATION_MAX_MS)]
)
def test_a_number_of_milliseconds_is_taken(text: str, milliseconds: int) -> None:
    assert parse_expiration(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_integer"),
        ("soon", "no_integer"),
        (" 5", "no_integer"),
        ("5s", '{leftover_string,"s"}'),
        ("1.5", '{leftover_string,".5"}'),
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(AMQPError) as refused:
        parse_expiration(text)
    assert refused.value.code == PRECONDITION_FAILED
    assert refused.value.explanation == f"invalid expiration '{text}': {reason}"
