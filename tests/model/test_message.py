"""A message's address."""

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.message import address_of, split_address

NAMES = st.binary(max_size=255).map(lambda octets: octets.decode("utf-8", "surrogateescape"))


def test_an_address_is_two_short_strings() -> None:
    assert address_of("logs", "größe") == b"\x04logs\x07gr\xc3\xb6\xc3\x9fe"


@given(NAMES, NAMES)
def test_any_names_come_back_as_they_were(exchange: str, routing_key: str) -> None:
    assert split_address(address_of(exchange, routing_key)) == (exchange, routing_key)
