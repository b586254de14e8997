"""A timer rings once, at the time it was set to last."""

from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.timer import Timer


class Rung:
    """A timer on a clock of its own, and when it has rung: seconds after the start."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.start_s, self.start_ms = self.clock.now_s(), self.clock.unix_ms()
        self.at_s: list[float] = []
        self.timer = Timer(self.clock, lambda: self.at_s.append(round(self.clock.now_s() - self.start_s, 3)))

    def set(self, after_ms: int) -> None:
        self.timer.set(self.start_ms + after_ms)


def test_it_rings_once_at_its_time() -> None:
    rung = Rung()
    rung.set(1_500)
    rung.clock.advance(10)
    assert (rung.at_s, rung.timer.due_ms) == ([1.5], 0)


def test_another_time_takes_the_place_of_the_first() -> None:
    rung = Rung()
    for after_ms in (1_000, 3_000, 2_000):
        rung.set(after_ms)
    assert rung.clock.waiting == 1
    rung.clock.advance(10)
    assert rung.at_s == [2.0]


def test_the_same_time_again_asks_the_clock_for_nothing() -> None:
    rung = Rung()
    rung.set(1_000)
    before = rung.timer._deadline
    rung.set(1_000)
    assert rung.timer._deadline is before


def test_it_can_be_told_not_to_ring() -> None:
    rung = Rung()
    rung.set(1_000)
    rung.timer.set(0)
    rung.clock.advance(10)
    assert (rung.at_s, rung.clock.waiting) == ([], 0)


def test_what_is_past_is_due_at_once() -> None:
    rung = Rung()
    rung.set(-5_000)
    rung.clock.advance(0)
    assert rung.at_s == [0.0]


def test_it_may_be_set_anew_while_it_rings() -> None:
    clock = HandClock()
    rings: list[int] = []

    def ring() -> None:
        rings.append(clock.unix_ms())
        if len(rings) < 3:
            timer.set(clock.unix_ms() + 1_000)

    timer = Timer(clock, ring)
    timer.set(clock.unix_ms() + 1_000)
    clock.advance(10)
    assert [later - rings[0] for later in rings] == [0, 1_000, 2_000]
