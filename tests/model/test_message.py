"""A message's address, and what kind of message it is."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.message import PERSISTENT, Message, address_of, by_flags, split_address
from amqpbroker.wire.runs import UniformRun

NAMES = st.binary(max_size=255).map(lambda octets: octets.decode("utf-8", "surrogateescape"))


def test_an_address_is_two_short_strings() -> None:
    assert address_of("logs", "größe") == b"\x04logs\x07gr\xc3\xb6\xc3\x9fe"


@given(NAMES, NAMES)
def test_any_names_come_back_as_they_were(exchange: str, routing_key: str) -> None:
    assert split_address(address_of(exchange, routing_key)) == (exchange, routing_key)


def kinds(flags: list[int]) -> list[Message]:
    return [(b"", b"", b"%d" % number, one) for number, one in enumerate(flags)]


@given(st.lists(st.sampled_from([0, PERSISTENT]), min_size=1))
def test_runs_of_one_kind_are_as_long_as_they_can_be_and_keep_the_order(flags: list[int]) -> None:
    runs = list(by_flags(kinds(flags), PERSISTENT))
    assert [message for run in runs for message in run] == kinds(flags)
    assert all(len({message[3] for message in run}) == 1 for run in runs)
    assert all(one[0][3] != other[0][3] for one, other in pairwise(runs))


def test_what_is_of_one_kind_is_not_copied() -> None:
    for messages in (kinds([PERSISTENT]), kinds([0, 0]), UniformRun(b"", b"", [b"1", b"2"], PERSISTENT)):
        (run,) = by_flags(messages, PERSISTENT)
        assert run is messages
