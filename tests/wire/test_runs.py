"""A run of messages of one kind, beside the list of them."""

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.wire.runs import Message, UniformRun

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
