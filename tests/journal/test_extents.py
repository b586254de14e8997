"""Which segment has a position, beside a plain dict."""

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal.extents import Extents

POSITIONS = range(50)
Piece = tuple[str | None, int, int]


def extents(*entries: tuple[int, str]) -> Extents[str]:
    made = Extents[str]()
    for first, segment in entries:
        made.append(first, segment)
    return made


def test_of_no_position_is_it_known_at_first() -> None:
    assert Extents[str]().spans(3, 9) == [(None, 3, 9)]
    assert Extents[str]().segments() == set()


def test_a_segment_holds_the_positions_up_to_the_next_ones() -> None:
    where = extents((5, "a"), (7, "a"), (10, "b"))
    assert where.spans(0, 20) == [(None, 0, 5), ("a", 5, 10), ("b", 10, 20)]
    assert where.spans(6, 10) == [("a", 6, 10)]
    assert where.spans(10, 11) == [("b", 10, 11)]
    assert where.spans(12, 12) == []


def test_what_is_moved_takes_only_its_own_positions_along() -> None:
    where = extents((0, "a"), (10, "b"))
    where.move(3, 6, "c")
    assert where.spans(0, 20) == [("a", 0, 3), ("c", 3, 6), ("a", 6, 10), ("b", 10, 20)]
    where.move(2, 3, "c")
    where.move(6, 12, "c")
    assert where.spans(0, 20) == [("a", 0, 2), ("c", 2, 12), ("b", 12, 20)]


def test_what_comes_after_a_moved_end_may_be_in_another_segment() -> None:
    where = extents((0, "a"))
    where.move(5, 10, "b")
    where.append(10, "b")
    assert where.spans(0, 20) == [("a", 0, 5), ("b", 5, 20)]


def test_a_segment_that_is_gone_leaves_its_positions_unknown() -> None:
    where = extents((0, "a"), (10, "b"), (20, "c"), (30, "d"))
    where.forget("c")
    where.forget("b")
    assert where.spans(0, 40) == [("a", 0, 10), (None, 10, 30), ("d", 30, 40)]
    assert where.segments() == {"a", "d"}


def test_when_all_segments_are_gone_it_begins_anew() -> None:
    where = extents((0, "a"), (10, "b"))
    where.forget("b")
    where.forget("a")
    assert where.spans(0, 20) == [(None, 0, 20)]
    where.append(15, "c")
    assert where.spans(0, 20) == [(None, 0, 15), ("c", 15, 20)]


SEGMENTS = st.sampled_from("abcd")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(POSITIONS), st.just(0), SEGMENTS),
        st.tuples(st.just("move"), st.sampled_from(POSITIONS), st.integers(0, 20), SEGMENTS),
        st.tuples(st.just("forget"), st.just(0), st.just(0), SEGMENTS),
    ),
    max_size=20,
)


def naive_spans(naive: dict[int, str | None], first: int, end: int) -> list[Piece]:
    pieces: list[Piece] = []
    for position in range(first, end):
        segment = naive.get(position)
        if pieces and pieces[-1][0] == segment:
            pieces[-1] = segment, pieces[-1][1], position + 1
        else:
            pieces.append((segment, position, position + 1))
    return pieces


def apply(where: Extents[str], naive: dict[int, str | None], step: tuple[str, int, int, str]) -> None:
    kind, first, count, segment = step
    if kind == "append":
        where.append(first, segment)
        naive.update(dict.fromkeys(range(first, 80), segment))
    elif kind == "move":
        where.move(first, first + count, segment)
        naive.update(dict.fromkeys(range(first, first + count), segment))
    else:
        where.forget(segment)
        naive.update({position: None for position, held in naive.items() if held == segment})


@given(STEPS, st.sampled_from(POSITIONS), st.integers(0, 30))
def test_it_is_what_a_dict_would_be(steps: list[tuple[str, int, int, str]], first: int, count: int) -> None:
    where, naive = Extents[str](), dict[int, str | None]()
    for step in steps:
        apply(where, naive, step)
        assert where.spans(0, 80) == naive_spans(naive, 0, 80)
        assert where.spans(first, first + count) == naive_spans(naive, first, first + count)
        assert where.segments() == set(naive.values()) - {None}
