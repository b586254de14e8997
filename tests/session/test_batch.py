"""What one turn of the loop has touched."""

from amqpbroker.session.batch import Batch


class Connection:
    def __init__(self, batch: Batch, touches: "Connection | None" = None) -> None:
        self.batch = batch
        self.touches = touches
        self.flushes = 0

    def flush(self) -> None:
        self.flushes += 1
        if self.touches is not None:
            self.batch.touch(self.touches)


def test_each_touched_connection_is_written_once_in_a_turn() -> None:
    batch = Batch()
    one, other, idle = (Connection(batch) for _ in range(3))
    batch.touch(one)
    batch.touch(other)
    batch.finish()
    batch.finish()
    assert (one.flushes, other.flushes, idle.flushes) == (1, 1, 0)


def test_what_is_touched_by_writing_is_written_in_the_same_turn() -> None:
    batch = Batch()
    late = Connection(batch)
    batch.touch(Connection(batch, touches=late))
    batch.finish()
    assert late.flushes == 1


def test_the_end_of_a_turn_is_told_when_all_is_written_and_what_it_touches_is_written_too() -> None:
    batch = Batch()
    one, late = Connection(batch), Connection(batch)
    seen: list[tuple[int, int]] = []

    def ended() -> None:
        seen.append((one.flushes, late.flushes))
        if len(seen) == 1:
            batch.touch(late)

    batch.turn_ended = ended
    batch.touch(one)
    batch.finish()
    assert seen == [(1, 0), (1, 1)]


def test_a_turn_that_has_touched_nothing_ends_too() -> None:
    batch = Batch()
    ends: list[str] = []
    batch.turn_ended = lambda: ends.append("end")
    batch.finish()
    assert ends == ["end"]
