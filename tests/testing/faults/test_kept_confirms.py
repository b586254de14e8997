"""Confirms of which some are kept: the others are told, each once, whatever acks for many there are."""

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.session.confirms import Confirms
from amqpbroker.testing.faults.kept_confirms import KeptConfirms, told

KINDS = ["plain", "kept", "waits", "refused", "written"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.booleans()), max_size=40)


def numbers_told(frames: bytes, covered: set[int]) -> list[int]:
    numbers = []
    for _, number, multiple in told(frames):
        numbers += [one for one in (range(1, number + 1) if multiple else [number]) if one not in covered]
        covered.update(numbers)
    return numbers


@given(STEPS)
def test_what_is_not_kept_is_told_and_what_is_kept_when_it_is_let_go(steps):
    confirms, rule, arrived = Confirms(1), object(), []
    kept, kept_numbers, refused = None, set(), set()
    covered: set[int] = set()
    done_number = open_number = 0
    for kind, flushes in steps:
        if kind == "waits":
            open_number += 1
            confirms.wait(1, open_number)
        elif kind == "refused":
            confirms.refuse()
            refused.add(confirms.published)
        elif kind == "written":
            done_number = open_number
        else:
            confirms.add(1)
            if kind == "kept":
                if kept is None:
                    first = confirms.published
                    kept = KeptConfirms(1, first, confirms.told < first - 1, arrived.append)
                kept.keep(confirms.published, rule)
                kept_numbers.add(confirms.published)
        if flushes:
            frames = confirms.take_frames(done_number)
            numbers_told(frames if kept is None else kept.through(frames), covered)
            assert not covered & kept_numbers
    frames = confirms.take_frames(open_number)
    numbers_told(frames if kept is None else kept.through(frames), covered)
    assert covered == set(range(1, confirms.published + 1)) - kept_numbers
    if kept is not None:
        let_go = kept.let_go(rule)
        assert {number for _, number, _ in told(let_go)} == kept_numbers
        assert (len(arrived), kept.let_go(rule)) == (len(kept_numbers), b"")
