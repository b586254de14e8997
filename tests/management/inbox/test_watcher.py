"""Who watches is told in batches, and left behind if they do not take them."""

from amqpbroker.management.inbox.entry import BODY_MAX_BYTES, Entry
from amqpbroker.management.inbox.watcher import BATCHES_MAX, BYTES_MAX, News, Watcher
from amqpbroker.model.message import address_of

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


async def test_who_takes_nothing_is_left_behind_and_nothing_is_kept_for_them() -> None:
    watcher = Watcher()
    for number in range(BATCHES_MAX):
        watcher.tell(news(number + 1))
    assert not watcher.is_behind
    watcher.tell(news(1))
    watcher.tell(news(1))
    assert watcher.is_behind
    assert await watcher.next(LONG_S) is None


async def test_large_messages_are_not_kept_for_who_takes_nothing_either() -> None:
    watcher = Watcher()
    large = news(0)
    large.entries.append(Entry(1, 0, "/", 0, None, (address_of("", ""), b"", bytes(BODY_MAX_BYTES), 0)))
    for _ in range(BYTES_MAX // BODY_MAX_BYTES - 1):
        watcher.tell(large)
    assert await watcher.next(LONG_S) is large
    watcher.tell(large)
    assert not watcher.is_behind
    watcher.tell(large)
    assert watcher.is_behind


async def test_what_is_larger_by_itself_is_told_all_the_same() -> None:
    watcher = Watcher()
    large = news(0)
    entry = Entry(1, 0, "/", 0, None, (address_of("", ""), b"", bytes(BODY_MAX_BYTES), 0))
    large.entries += [entry] * (BYTES_MAX // BODY_MAX_BYTES + 1)
    watcher.tell(large)
    assert await watcher.next(LONG_S) is large


async def test_at_the_end_it_is_told_that_this_was_all() -> None:
    watcher = Watcher()
    watcher.tell(news(1))
    watcher.end()
    assert await watcher.next(LONG_S) is None
