"""The heap of deadlines: order, cancelling, and what is left lying about."""

from amqpbroker.model.deadlines import Deadlines


def nothing() -> None:
    """To be done."""


def take_all(deadlines: Deadlines, now_s: float) -> list[float]:
    taken = []
    while (deadline := deadlines.take_due(now_s)) is not None:
        taken.append(deadline.when_s)
    return taken


def test_they_are_taken_in_the_order_of_their_times():
    deadlines = Deadlines()
    for when_s in (3.0, 1.0, 2.0):
        deadlines.add(when_s, nothing)
    assert take_all(deadlines, 2.5) == [1.0, 2.0]
    assert len(deadlines) == 1


def test_those_of_one_time_are_taken_as_they_were_asked_for():
    deadlines = Deadlines()
    added = [deadlines.add(1.0, nothing) for _ in range(5)]
    assert [deadlines.take_due(1.0) for _ in range(5)] == added


def test_what_is_cancelled_is_not_taken():
    deadlines = Deadlines()
    deadlines.add(1.0, nothing).cancel()
    assert (len(deadlines), deadlines.take_due(2.0)) == (0, None)


def test_the_cancelled_do_not_pile_up():
    deadlines = Deadlines()
    deadlines.add(1.0, nothing)
    for _ in range(10_000):
        deadlines.add(100_000.0, nothing).cancel()
    assert len(deadlines._heap) < 2_000
    assert take_all(deadlines, 1.0) == [1.0]


def test_sweeping_keeps_what_is_not_cancelled():
    deadlines = Deadlines()
    for number in range(3_000):
        deadlines.add(number % 7, nothing)
    assert take_all(deadlines, 7.0) == sorted(number % 7 for number in range(3_000))


def test_cleared_there_is_nothing_to_do():
    deadlines = Deadlines()
    deadlines.add(1.0, nothing)
    deadlines.clear()
    assert (deadlines.first, deadlines.take_due(2.0)) == (None, None)
