"""A message's address, and what kind of message it is."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.message import (
    DEADLINE_SHIFT,
    EXPIRES,
    HAS_PRIORITY,
    OWN_FLAGS,
    PERSISTENT,
    PRIORITY_SHIFT,
    Message,
    address_of,
    by_flags,
    flags_of,
    flags_of_run,
    split_address,
    with_deadline,
)
from amqpbroker.wire.properties import Properties, encode
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


# Flags

OCTETS = st.integers(0, 255)
MOMENTS = st.integers(1, 1 << 47)


@given(st.none() | OCTETS, st.none() | OCTETS, st.booleans())
def test_flags_say_what_the_properties_do(mode: int | None, priority: int | None, expires: bool) -> None:
    flags = flags_of(mode, priority, expires)
    assert bool(flags & PERSISTENT) == (mode == 2)
    assert bool(flags & EXPIRES) == expires
    assert bool(flags & HAS_PRIORITY) == (priority is not None)
    assert flags >> PRIORITY_SHIFT == (priority or 0)
    assert flags == flags & OWN_FLAGS


@given(st.sampled_from([None, 1, 2]), st.none() | OCTETS)
def test_of_a_run_the_header_says_what_its_eight_bits_leave_out(mode: int | None, priority: int | None) -> None:
    flags = flags_of(mode, priority)
    header = encode(Properties(content_type="text/plain", delivery_mode=mode, priority=priority), 4)
    assert flags_of_run(flags & 0xFF, header) == flags


@given(st.lists(st.integers(0, OWN_FLAGS), min_size=1), MOMENTS, MOMENTS)
def test_a_deadline_stands_above_all_other_flags_and_is_of_one_queue(
    flags: list[int], first_ms: int, then_ms: int
) -> None:
    first = with_deadline(kinds(flags), first_ms)
    assert [message[3] for message in first] == [first_ms << DEADLINE_SHIFT | one for one in flags]
    assert with_deadline(first, then_ms) == with_deadline(kinds(flags), then_ms)
    assert [message[:3] for message in first] == [message[:3] for message in kinds(flags)]


def test_a_run_of_one_kind_with_a_deadline_is_still_one() -> None:
    run = with_deadline(UniformRun(b"a", b"h", [b"1", b"2"], PERSISTENT), 5)
    assert isinstance(run, UniformRun)
    assert list(run) == [(b"a", b"h", body, 5 << DEADLINE_SHIFT | PERSISTENT) for body in (b"1", b"2")]


@given(st.lists(st.sampled_from([0, 1, 1 << DEADLINE_SHIFT, 1 | 1 << PRIORITY_SHIFT]), min_size=1))
def test_runs_of_one_mask_look_at_nothing_else(flags: list[int]) -> None:
    runs = list(by_flags(kinds(flags), OWN_FLAGS))
    assert [message for run in runs for message in run] == kinds(flags)
    assert all(len({message[3] & OWN_FLAGS for message in run}) == 1 for run in runs)
