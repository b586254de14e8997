"""A clock turned by hand."""

from amqpbroker.model.hand_clock import HandClock


def test_time_stands_still_until_it_is_turned():
    clock = HandClock(10.0, unix_offset_s=100.0)
    assert (clock.now_s(), clock.unix_ms()) == (10.0, 110_000)
    clock.advance(2.5)
    assert (clock.now_s(), clock.unix_ms()) == (12.5, 112_500)


def test_what_falls_due_finds_its_own_time_and_may_ask_for_more():
    clock = HandClock(0.0)
    seen: list[float] = []

    def due() -> None:
        seen.append(clock.now_s())
        clock.at(clock.now_s() + 1.0, due)

    clock.at(1.0, due)
    clock.advance(3.5)
    assert (seen, clock.waiting, clock.now_s()) == ([1.0, 2.0, 3.0], 1, 3.5)
