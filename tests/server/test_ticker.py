"""Deadlines on a loop whose time is turned by hand."""

import asyncio
import time
from collections.abc import Callable

import pytest

from amqpbroker.server.ticker import Ticker


class HandTurnedLoop(asyncio.AbstractEventLoop):
    """As much of a loop as a ticker uses. `turn_to` lets time pass; calls: how often the ticker was called."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.calls = 0
        self._timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when: float, callback: Callable[..., object], *args: object, context=None) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self)
        self._timers.append(timer)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timers.remove(handle)

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, object]) -> None:
        raise context["exception"]

    @property
    def next_s(self) -> list[float]:
        return sorted(timer.when() for timer in self._timers)

    def turn_to(self, now_s: float) -> None:
        while self.next_s and self.next_s[0] <= now_s:
            timer = min(self._timers, key=asyncio.TimerHandle.when)
            self._timers.remove(timer)
            self.now_s = max(self.now_s, timer.when())
            self.calls += 1
            timer._run()
        self.now_s = now_s


@pytest.fixture
def loop() -> HandTurnedLoop:
    return HandTurnedLoop()


@pytest.fixture
def ticker(loop) -> Ticker:
    return Ticker(loop)


@pytest.fixture
def done(loop, ticker) -> list[tuple[float, str]]:
    """(when, what) of all that was done."""
    return []


def note(done: list[tuple[float, str]], ticker: Ticker, what: str) -> Callable[[], None]:
    return lambda: done.append((ticker.now_s(), what))


def test_the_time_is_the_loops(loop, ticker):
    assert ticker.now_s() == 100.0


def test_the_time_of_day_goes_on_with_the_loop_whatever_the_system_is_told(loop, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.5)
    ticker = Ticker(loop)
    assert ticker.unix_ms() == 1_700_000_000_500
    monkeypatch.setattr(time, "time", lambda: 0.0)
    loop.turn_to(101.25)
    assert ticker.unix_ms() == 1_700_000_001_750


def test_deadlines_are_kept_in_their_order(loop, ticker, done):
    for when_s, what in ((103.0, "third"), (101.0, "first"), (102.0, "second")):
        ticker.at(when_s, note(done, ticker, what))
    loop.turn_to(110.0)
    assert done == [(101.0, "first"), (102.0, "second"), (103.0, "third")]


def test_what_falls_due_together_is_done_as_it_was_asked_for(loop, ticker, done):
    for what in "abcdef":
        ticker.at(101.0, note(done, ticker, what))
    loop.turn_to(101.0)
    assert "".join(what for _, what in done) == "abcdef"
    assert loop.calls == 1


def test_nothing_is_done_before_its_time(loop, ticker, done):
    ticker.at(101.0, note(done, ticker, "late"))
    loop.turn_to(100.9)
    assert done == []


def test_what_is_cancelled_is_not_done(loop, ticker, done):
    ticker.at(101.0, note(done, ticker, "kept"))
    ticker.at(101.0, note(done, ticker, "cancelled")).cancel()
    loop.turn_to(102.0)
    assert done == [(101.0, "kept")]


def test_one_deadline_may_cancel_another_of_the_same_time(loop, ticker, done):
    def cancel() -> None:
        second.cancel()

    ticker.at(101.0, cancel)
    second = ticker.at(101.0, note(done, ticker, "second"))
    loop.turn_to(102.0)
    assert done == []


def test_the_loop_is_asked_for_one_time_only(loop, ticker, done):
    for when_s in (105.0, 103.0, 104.0):
        ticker.at(when_s, note(done, ticker, "any"))
    assert loop.next_s == [103.0]


def test_what_is_done_may_set_the_next_deadline(loop, ticker, done):
    def again() -> None:
        done.append((ticker.now_s(), "again"))
        ticker.at(ticker.now_s() + 1.0, again)

    ticker.at(101.0, again)
    loop.turn_to(103.5)
    assert [when_s for when_s, _ in done] == [101.0, 102.0, 103.0]


def test_a_time_that_has_passed_is_now(loop, ticker, done):
    ticker.at(50.0, note(done, ticker, "at once"))
    loop.turn_to(100.0)
    assert done == [(100.0, "at once")]


def test_a_fault_in_one_leaves_the_others(loop, ticker, done):
    def fails() -> None:
        raise RuntimeError("injected")

    ticker.at(101.0, fails)
    ticker.at(101.0, note(done, ticker, "same time"))
    ticker.at(102.0, note(done, ticker, "later"))
    with pytest.raises(RuntimeError):
        loop.turn_to(101.0)
    loop.turn_to(102.0)
    assert [what for _, what in done] == ["same time", "later"]


def test_when_what_was_due_is_done_it_is_told(loop, done):
    ticker = Ticker(loop, lambda: done.append((loop.now_s, "told")))
    for when_s in (101.0, 101.0, 102.0):
        ticker.at(when_s, note(done, ticker, "due"))
    loop.turn_to(102.0)
    assert [what for _, what in done] == ["due", "due", "told", "due", "told"]


def test_after_stop_nothing_is_done(loop, ticker, done):
    ticker.at(101.0, note(done, ticker, "never"))
    ticker.stop()
    loop.turn_to(200.0)
    assert (done, loop.next_s) == ([], [])


async def test_it_works_on_a_real_loop():
    ticker = Ticker(asyncio.get_running_loop())
    done = asyncio.Event()
    ticker.at(ticker.now_s() + 0.01, done.set)
    await asyncio.wait_for(done.wait(), 5.0)
