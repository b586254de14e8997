"""Which queues a message reaches: every exchange type, bindings between exchanges, and how exchanges come and go."""

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from interop_tests.conftest import Names
from interop_tests.steps import get_all, settle


def bound(
    channel: BlockingChannel, name: Names, exchange: str, bindings: dict[str, tuple[str, dict[str, object]]]
) -> None:
    """Declare an exclusive queue for each word and bind it with its (key, arguments)."""
    for word, (key, arguments) in bindings.items():
        channel.queue_declare(f"{name.prefix}.{word}", exclusive=True)
        channel.queue_bind(f"{name.prefix}.{word}", exchange, key, arguments)


def reached(channel: BlockingChannel, name: Names, words: list[str]) -> list[str]:
    """The words whose queue got exactly one message, which is taken out; more than one is an error."""
    counts = {word: len(get_all(channel, f"{name.prefix}.{word}", auto_ack=True)) for word in words}
    assert max(counts.values()) <= 1, counts
    return [word for word, count in counts.items() if count]


@pytest.fixture
def publisher(channel: BlockingChannel) -> BlockingChannel:
    """A channel in confirm mode: when publish returns, the queues have the message."""
    other: BlockingChannel = channel.connection.channel()
    other.confirm_delivery()
    return other


def test_direct_routes_by_equal_keys(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "direct")
    bound(channel, name, exchange, {"a": ("key", {}), "b": ("key", {}), "c": ("Key", {}), "d": ("", {})})
    publisher.basic_publish(exchange, "key", b"x")
    assert reached(channel, name, ["a", "b", "c", "d"]) == ["a", "b"]
    publisher.basic_publish(exchange, "", b"x")
    assert reached(channel, name, ["a", "b", "c", "d"]) == ["d"]


def test_fanout_routes_to_all(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout")
    bound(channel, name, exchange, {"a": ("", {}), "b": ("ignored", {})})
    publisher.basic_publish(exchange, "whatever", b"x")
    assert reached(channel, name, ["a", "b"]) == ["a", "b"]


TOPIC_PATTERNS = ["#", "*", "*.*", "#.#", "a.#", "#.b", "a.*", "*.b", "a.*.#", "a..b", "a.*.c", "#.b.#", "a.b", "*.#"]
TOPIC_PATTERNS.append("")


@pytest.mark.parametrize(
    ("key", "patterns"),
    [
        ("", ["#", "#.#", ""]),
        ("a", ["#", "*", "#.#", "a.#", "*.#"]),
        (".", ["#", "*.*", "#.#", "*.#"]),
        ("a.b", ["#", "*.*", "#.#", "a.#", "#.b", "a.*", "*.b", "a.*.#", "#.b.#", "a.b", "*.#"]),
        ("a..b", ["#", "#.#", "a.#", "#.b", "a.*.#", "a..b", "#.b.#", "*.#"]),
        ("a.b.c", ["#", "#.#", "a.#", "a.*.#", "a.*.c", "#.b.#", "*.#"]),
        ("x.b.y.b", ["#", "#.#", "#.b", "#.b.#", "*.#"]),
    ],
)
def test_topic_matches_words(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, key: str, patterns: list[str]
) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "topic")
    bound(channel, name, exchange, {str(number): (pattern, {}) for number, pattern in enumerate(TOPIC_PATTERNS)})
    publisher.basic_publish(exchange, key, b"x")
    numbers = reached(channel, name, [str(number) for number in range(len(TOPIC_PATTERNS))])
    assert [TOPIC_PATTERNS[int(number)] for number in numbers] == patterns


def test_topic_gives_a_queue_one_copy_however_many_bindings_match(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    bound(channel, name, "amq.topic", {"a": ("#", {})})
    channel.queue_bind(f"{name.prefix}.a", "amq.topic", f"{name.prefix}.*")
    publisher.basic_publish("amq.topic", f"{name.prefix}.x", b"x")
    assert reached(channel, name, ["a"]) == ["a"]


HEADER_BINDINGS: dict[str, tuple[str, dict[str, object]]] = {
    "all": ("", {"x-match": "all", "a": 1, "b": 2}),
    "any": ("", {"x-match": "any", "a": 1, "b": 2}),
    "default": ("", {"a": 1, "b": 2}),
    "all-with-x": ("", {"x-match": "all-with-x", "a": 1, "x-b": 2}),
    "any-with-x": ("", {"x-match": "any-with-x", "a": 9, "x-b": 2}),
    "x-ignored": ("", {"x-match": "all", "a": 1, "x-b": 2}),
    "empty-all": ("", {"x-match": "all"}),
    "empty-any": ("", {"x-match": "any"}),
    "no-arguments": ("", {}),
    "void": ("", {"a": None}),
}


@pytest.mark.parametrize(
    ("headers", "bindings"),
    [
        ({"a": 1, "b": 2}, ["all", "any", "default", "x-ignored", "empty-all", "no-arguments", "void"]),
        ({"a": 1}, ["any", "x-ignored", "empty-all", "no-arguments", "void"]),
        ({"a": 1, "x-b": 2}, ["any", "all-with-x", "any-with-x", "x-ignored", "empty-all", "no-arguments", "void"]),
        ({"x-b": 2}, ["any-with-x", "empty-all", "no-arguments"]),
        ({"a": "1", "b": 2}, ["any", "empty-all", "no-arguments", "void"]),
        ({}, ["empty-all", "no-arguments"]),
        ({"a": None}, ["empty-all", "no-arguments", "void"]),
        ({"a": 1, "b": 3}, ["any", "x-ignored", "empty-all", "no-arguments", "void"]),
    ],
)
def test_headers_match(
    channel: BlockingChannel,
    publisher: BlockingChannel,
    name: Names,
    headers: dict[str, object],
    bindings: list[str],
) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "headers")
    bound(channel, name, exchange, HEADER_BINDINGS)
    publisher.basic_publish(exchange, "", b"x", pika.BasicProperties(headers=headers))
    assert reached(channel, name, list(HEADER_BINDINGS)) == bindings


def test_an_unknown_x_match_is_refused(channel: BlockingChannel, name: Names) -> None:
    channel.queue_declare(name.prefix, exclusive=True)
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.queue_bind(name.prefix, "amq.headers", "", {"x-match": "some"})
    assert closed.value.reply_code == 406


def test_the_default_exchange_knows_every_queue(channel: BlockingChannel, name: Names) -> None:
    channel.queue_declare(name.prefix, exclusive=True)
    channel.basic_publish("", name.prefix, b"x")
    settle(channel, name.prefix, 1)
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.queue_bind(name.prefix, "", "key")
    assert closed.value.reply_code == 403


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
        ("amq.topic", "topic"),
    ],
)
def test_predeclared_exchanges_are_durable(channel: BlockingChannel, exchange: str, kind: str) -> None:
    channel.exchange_declare(exchange, kind, durable=True)
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.exchange_delete(exchange)
    assert closed.value.reply_code == 403


def test_a_cycle_of_exchanges_gives_one_copy(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    one, two = name.exchange("one"), name.exchange("two")
    for exchange in (one, two):
        channel.exchange_declare(exchange, "fanout")
    channel.exchange_bind(two, one)
    channel.exchange_bind(one, two)
    channel.exchange_bind(one, one)
    bound(channel, name, two, {"a": ("1", {})})
    channel.queue_bind(f"{name.prefix}.a", two, "2")
    channel.queue_bind(f"{name.prefix}.a", one, "3")
    publisher.basic_publish(one, "", b"x")
    assert reached(channel, name, ["a"]) == ["a"]


def test_bindings_between_exchanges_filter_by_the_source(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    source, destination = name.exchange("source"), name.exchange("destination")
    channel.exchange_declare(source, "topic")
    channel.exchange_declare(destination, "fanout")
    channel.exchange_bind(destination, source, "logs.*")
    bound(channel, name, destination, {"a": ("", {})})
    publisher.basic_publish(source, "metrics.x", b"x")
    assert reached(channel, name, ["a"]) == []
    publisher.basic_publish(source, "logs.x", b"x")
    assert reached(channel, name, ["a"]) == ["a"]
    channel.exchange_unbind(destination, source, "logs.*")
    publisher.basic_publish(source, "logs.x", b"x")
    assert reached(channel, name, ["a"]) == []


def test_an_unbound_queue_gets_no_more(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    bound(channel, name, "amq.direct", {"a": (name.prefix, {})})
    channel.queue_bind(f"{name.prefix}.a", "amq.direct", f"{name.prefix}.other")
    channel.queue_unbind(f"{name.prefix}.a", "amq.direct", name.prefix)
    publisher.basic_publish("amq.direct", name.prefix, b"x")
    assert reached(channel, name, ["a"]) == []
    publisher.basic_publish("amq.direct", f"{name.prefix}.other", b"x")
    assert reached(channel, name, ["a"]) == ["a"]


def test_binding_twice_is_one_binding(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    bound(channel, name, "amq.direct", {"a": (name.prefix, {})})
    channel.queue_bind(f"{name.prefix}.a", "amq.direct", name.prefix)
    channel.queue_unbind(f"{name.prefix}.a", "amq.direct", name.prefix)
    publisher.basic_publish("amq.direct", name.prefix, b"x")
    assert reached(channel, name, ["a"]) == []


def exists(channel: BlockingChannel, exchange: str) -> bool:
    """Ask on a channel of its own, which a 404 closes."""
    asking = channel.connection.channel()
    try:
        asking.exchange_declare(exchange, passive=True)
    except ChannelClosedByBroker as closed:
        assert closed.reply_code == 404
        return False
    asking.close()
    return True


def test_an_auto_delete_exchange_goes_with_its_last_binding(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "direct", auto_delete=True)
    bound(channel, name, exchange, {"a": ("1", {}), "b": ("2", {})})
    channel.queue_unbind(f"{name.prefix}.a", exchange, "1")
    assert exists(channel, exchange)
    channel.queue_delete(f"{name.prefix}.b")
    assert not exists(channel, exchange)


def test_an_auto_delete_exchange_that_was_only_a_destination_stays(channel: BlockingChannel, name: Names) -> None:
    source, destination = name.exchange("source"), name.exchange("destination")
    channel.exchange_declare(source, "fanout", auto_delete=True)
    channel.exchange_declare(destination, "fanout", auto_delete=True)
    channel.exchange_bind(destination, source)
    channel.exchange_unbind(destination, source)
    assert not exists(channel, source)
    assert exists(channel, destination)


def test_deleting_an_exchange_if_unused(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout")
    bound(channel, name, exchange, {"a": ("", {})})
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.connection.channel().exchange_delete(exchange, if_unused=True)
    assert closed.value.reply_text == f"PRECONDITION_FAILED - exchange '{exchange}' in vhost '/' in use"
    channel.queue_unbind(f"{name.prefix}.a", exchange, "")
    channel.exchange_delete(exchange, if_unused=True)
    assert not exists(channel, exchange)


def test_deleting_what_is_not_there_is_answered(channel: BlockingChannel, name: Names) -> None:
    channel.exchange_delete(f"{name.prefix}.none")
    assert channel.queue_delete(f"{name.prefix}.none").method.message_count == 0


def test_nobody_publishes_to_an_internal_exchange(channel: BlockingChannel, name: Names) -> None:
    internal, open_to_all = name.exchange("internal"), name.exchange("open")
    channel.exchange_declare(internal, "fanout", internal=True)
    channel.exchange_declare(open_to_all, "fanout")
    channel.exchange_bind(internal, open_to_all)
    bound(channel, name, internal, {"a": ("", {})})
    channel.basic_publish(open_to_all, "", b"x")
    settle(channel, f"{name.prefix}.a", 1)
    channel.basic_publish(internal, "", b"x")
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_qos(prefetch_count=1)
    assert closed.value.reply_code == 403


def test_declaring_another_type_is_refused(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "direct")
    channel.exchange_declare(exchange, "direct")
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.exchange_declare(exchange, "fanout")
    expected = (
        f"inequivalent arg 'type' for exchange '{exchange}' in vhost '/': received 'fanout' but current is 'direct'"
    )
    assert closed.value.reply_text == f"PRECONDITION_FAILED - {expected}"
