"""Keys that have been seen: of an exchange, of a queue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.deduplication import HEADER, Key, KeyCache, QueueKeys, key_in, key_of, message_key
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import Field


def cache(size: int = 100, ttl_ms: int | None = None) -> KeyCache:
    return KeyCache(size, ttl_ms)


def add(into: KeyCache, key: int, now_ms: int = 0, ttl_ms: float | None = None) -> None:
    into.add(Field("I", key), key, now_ms, ttl_ms, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Field("I", 42), Field("l", 42)),
        (Field("B", 1), Field("s", 1)),
        (Field("S", b"a"), Field("x", b"a")),
        (Field("f", 0.5), Field("d", 0.5)),
        (Field("T", 1), Field("l", 1_000)),
        (Field("V", None), Field("V", None)),
    ],
)
def test_keys_are_equal_by_value(one: Field, other: Field) -> None:
    assert key_of(one) == key_of(other)


def test_values_of_different_kinds_are_different_keys() -> None:
    fields = [Field("I", 1), Field("d", 1.0), Field("t", True), Field("S", b"1"), Field("V", None), Field("t", False)]
    assert len({key_of(field) for field in fields}) == len(fields)


@pytest.mark.parametrize("field", [Field("A", []), Field("F", {}), Field("D", (0, 1))])
def test_what_holds_other_values_is_no_key(field: Field) -> None:
    assert key_of(field) is None


def test_the_key_of_a_message_is_in_its_headers() -> None:
    header = encode(Properties(headers={HEADER: Field("S", b"once")}), 0)
    assert message_key((b"\0\0", header, b"", 0)) == b"once"
    assert message_key((b"\0\0", encode(Properties(), 0), b"", 0)) is None
    assert key_in({"other": Field("S", b"once")}) is None


def test_a_key_is_seen_once_it_was_added() -> None:
    keys = cache()
    assert not keys.seen(1, 0)
    add(keys, 1)
    assert keys.seen(1, 10**12)


def test_a_key_is_forgotten_when_its_time_has_come() -> None:
    keys = cache(ttl_ms=1_000)
    add(keys, 1, now_ms=5)
    assert keys.seen(1, 1_004)
    assert not keys.seen(1, 1_005)


def test_a_message_may_say_for_how_long() -> None:
    keys = cache(ttl_ms=1_000)
    add(keys, 1, ttl_ms=10)
    add(keys, 2, ttl_ms=0.5)
    assert [keys.seen(1, 9), keys.seen(1, 10)] == [True, False]
    assert [keys.seen(2, 0), keys.seen(2, 1)] == [True, False]
    add(keys, 3, now_ms=50, ttl_ms=-7)
    assert not keys.seen(3, 50)


def test_the_oldest_key_makes_room() -> None:
    keys = cache(size=2)
    for key in (1, 2, 3):
        add(keys, key)
    assert [keys.seen(key, 0) for key in (1, 2, 3)] == [False, True, True]


def test_keys_whose_time_is_over_are_dropped_by_the_next() -> None:
    keys = cache(ttl_ms=10)
    for key in range(50):
        add(keys, key)
    add(keys, 100, now_ms=10)
    assert len(keys) == 1


def test_a_key_that_is_taken_anew_counts_from_then_on() -> None:
    keys = cache(size=2, ttl_ms=10)
    add(keys, 1)
    add(keys, 2, ttl_ms=1_000)
    add(keys, 1, now_ms=10)
    assert keys.seen(1, 19)
    assert not keys.seen(1, 20)


@given(st.lists(st.integers(0, 8)), st.integers(1, 5))
def test_a_cache_never_holds_more_than_it_may(added: list[int], size: int) -> None:
    keys = cache(size=size)
    for key in added:
        if not keys.seen(key, 0):
            add(keys, key)
        assert keys.seen(key, 0)
        assert len(keys) <= size


def test_a_key_is_in_the_queue_until_its_message_leaves() -> None:
    keys = QueueKeys()
    keys.add(b"a", 0)
    assert keys.seen(b"a", 10**12)
    keys.forget(b"a", 0)
    assert not keys.seen(b"a", 0)


def test_a_key_is_free_when_its_message_has_expired_though_it_still_waits() -> None:
    keys = QueueKeys()
    keys.add(b"a", 1_000)
    assert [keys.seen(b"a", 999), keys.seen(b"a", 1_000)] == [True, False]


def test_an_expired_message_does_not_take_the_key_of_the_next_along() -> None:
    keys = QueueKeys()
    keys.add(b"a", 1_000)
    keys.add(b"a", 2_000)
    keys.forget(b"a", 1_000)
    assert keys.seen(b"a", 1_500)


def test_all_keys_of_a_queue_are_free_once_it_is_purged() -> None:
    keys = QueueKeys()
    added: list[Key] = [1, b"1", ("bool", True)]
    for key in added:
        keys.add(key, 0)
    keys.clear()
    assert not any(keys.seen(key, 0) for key in added)
