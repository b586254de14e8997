"""A run of messages of one kind, beside the list of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.wire.runs import Message, SharedMessages, SharedRun, UniformRun

BODIES = st.lists(st.binary(min_size=3, max_size=3), max_size=8)


def listed(bodies: list[bytes]) -> list[Message]:
    return [(b"address", b"header", body, 1) for body in bodies]


def run_of(bodies: list[bytes]) -> UniformRun:
    return UniformRun(b"address", b"header", bodies, 1)


@given(BODIES)
def test_a_run_is_the_list_of_its_messages(bodies: list[bytes]) -> None:
    run = run_of(bodies)
    assert list(run) == list(reversed(list(reversed(run)))) == listed(bodies)
    assert len(run) == len(bodies)
    assert [run[place] for place in range(len(bodies))] == listed(bodies)
    assert bool(run) == bool(bodies)


@given(BODIES, st.slices(8))
def test_a_part_of_a_run_is_the_run_of_that_part(bodies: list[bytes], part: slice) -> None:
    some = run_of(bodies)[part]
    assert isinstance(some, UniformRun)
    assert list(some) == listed(bodies)[part]


def test_a_message_of_a_run_is_an_exact_tuple() -> None:
    assert type(run_of([b"one"])[0]) is type(next(iter(run_of([b"one"])))) is tuple


@given(BODIES, st.slices(8))
def test_a_shared_run_is_the_list_of_its_messages(bodies: list[bytes], part: slice) -> None:
    shared = SharedMessages()
    for message in listed(bodies):
        shared.append([message])
    run = SharedRun(shared, 0, len(bodies))
    assert (list(run), len(run), run[part]) == (listed(bodies), len(bodies), listed(bodies)[part])
    start, stop, step = part.indices(len(bodies))
    if start < stop and step > 0:
        assert list(SharedRun(shared, start, stop)) == listed(bodies)[start:stop]
        assert SharedRun(shared, start, stop)[0] == listed(bodies)[start]


def test_what_shared_messages_have_in_common_is_laid_once() -> None:
    shared = SharedMessages()
    shared.append([(b"a", b"header", b"body", 0), (b"a", b"h", b"b", 0)])
    parts = shared.parts(0, 1)
    assert parts == ([b"\0\0\0\6header\xce"], [b"\0\0\0\4body\xce"])
    again = shared.parts(0, 2)
    assert parts is not None
    assert again is not None
    assert again[0][0] is parts[0][0]


@pytest.mark.parametrize("odd", [(b"b", b"h", b"b", 0), (b"a", b"h", b"", 0), (b"a", b"h", b"x" * 4_089, 0)])
def test_messages_of_another_address_without_a_body_or_with_a_long_one_are_laid_singly(odd: Message) -> None:
    shared = SharedMessages()
    shared.append([(b"a", b"h", b"x" * 4_088, 0)])
    assert shared.parts(0, 1) is not None
    shared.append([odd])
    assert shared.parts(0, 1) is None
