"""Who watches is told in batches, and left behind if they do not take them."""

from amqpbroker.management.inbox.watcher import BATCHES_MAX, News, Watcher

LONG_S = 60.0


def news(count: int) -> News:
    told = News()
    told.skipped_count = count
    return told


async def test_what_has_happened_comes_in_order() -> None:
    watcher = Watcher()
    watcher.tell(first := news(1))
    watcher.tell(second := news(2))
    assert [await watcher.next(LONG_S), await watcher.next(LONG_S)] == [first, second]


async def test_if_nothing_happens_nothing_is_told() -> None:
    told = await Watcher().next(0.0)
    assert told is not None and not told


async def test_who_takes_nothing_is_left_behind_with_what_was_there() -> None:
    watcher = Watcher()
    for number in range(BATCHES_MAX + 10):
        watcher.tell(news(number + 1))
    assert watcher.is_behind
    told = []
    while (batch := await watcher.next(LONG_S)) is not None:
        told.append(batch.skipped_count)
        watcher.tell(news(1_000_000))
    assert told == list(range(1, BATCHES_MAX + 1))


async def test_at_the_end_it_is_told_that_this_was_all() -> None:
    watcher = Watcher()
    watcher.tell(first := news(1))
    watcher.end()
    assert [await watcher.next(LONG_S) for _ in range(3)] == [first, None, None]
