"""What is unacknowledged, beside a plain dict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.session.unacked import Entry, Unacked


def entry(tag: int) -> Entry:
    return tag, (b"\x00\x00", b"", str(tag).encode(), 0), 1


def unacked(*tags: int) -> Unacked:
    made = Unacked()
    made.entries.update({tag: entry(tag) for tag in tags})
    return made


def test_one_is_taken_once() -> None:
    one = unacked(1, 2, 3)
    assert one.take(2, False) == [entry(2)]
    with pytest.raises(AMQPError, match="unknown delivery tag 2") as unknown:
        one.take(2, False)
    assert unknown.value.code == PRECONDITION_FAILED


def test_multiple_takes_all_up_to_a_tag_oldest_first() -> None:
    one = unacked(1, 2, 4, 7)
    assert one.take(4, True) == [entry(1), entry(2), entry(4)]
    assert list(one.entries) == [7]


def test_tag_zero_with_multiple_takes_all_even_none() -> None:
    one = unacked(3, 4)
    assert one.take(0, True) == [entry(3), entry(4)]
    assert one.take(0, True) == []


@pytest.mark.parametrize(("tag", "multiple"), [(0, False), (5, True), (9, True), (9, False)])
def test_a_tag_that_is_not_there_takes_nothing(tag: int, multiple: bool) -> None:
    one = unacked(1, 7)
    with pytest.raises(AMQPError, match=f"unknown delivery tag {tag}"):
        one.take(tag, multiple)
    assert list(one.entries) == [1, 7]


def test_what_is_restored_stands_in_its_place_and_can_be_taken_again() -> None:
    one = unacked(1, 2, 3, 4)
    taken = {int(message[2]): (position, message, number) for position, message, number in one.take(2, True)}
    one.restore(taken)
    assert list(one.entries) == [1, 2, 3, 4]
    assert one.take(3, True) == [entry(1), entry(2), entry(3)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(1, 5)),
        st.tuples(st.just("deliver without acknowledgement"), st.integers(1, 3)),
        st.tuples(st.sampled_from(["one", "multiple", "take back"]), st.integers(0, 30)),
    ),
    max_size=30,
)


@given(STEPS)
def test_it_is_what_a_dict_would_be(steps: list[tuple[str, int]]) -> None:
    one, plain, next_tag = Unacked(), dict[int, Entry](), 1
    for step, number in steps:
        if step.startswith("deliver"):
            if step == "deliver":
                new = {tag: entry(tag) for tag in range(next_tag, next_tag + number)}
                one.entries.update(new)
                plain |= new
            next_tag += number
            continue
        if step == "one":
            expected = [number] if number in plain else None
        elif number:
            expected = [tag for tag in plain if tag <= number] if number in plain else None
        else:
            expected = list(plain)
        if expected is None:
            with pytest.raises(AMQPError):
                one.take(number, step != "one")
            continue
        assert one.take(number, step != "one") == [entry(tag) for tag in expected]
        taken = {tag: plain.pop(tag) for tag in expected}
        if step == "take back":
            one.restore(taken)
            plain = dict(sorted((plain | taken).items()))
    assert one.entries == plain
    assert list(one.entries) == list(plain)
