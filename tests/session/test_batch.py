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
