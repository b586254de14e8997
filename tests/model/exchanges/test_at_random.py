"""x-random and x-local-random: any of what is bound."""

from collections import Counter
from random import Random

import pytest

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.exchanges.at_random import LocalRandomExchange, RandomExchange
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import from_python

TYPES = [RandomExchange, LocalRandomExchange]


def binding(queue: str = "q", key: str = "") -> Binding:
    return Binding("x", Destination("queue", queue), key, {})


def random_exchange(kind: type[RandomExchange], seed: int = 0) -> RandomExchange:
    """An exchange in a virtual host of this seed; the queue `b` is bound to it twice."""
    exchange = kind("x", False, False, False, {})
    for one in (binding("a"), binding("b"), binding("b", "again"), binding("c")):
        exchange.bind(one)
    VirtualHost("/", PROFILES["4.2"], Random(seed).randbytes, HandClock()).add_exchange(exchange)
    return exchange


def drawn(exchange: RandomExchange, count: int) -> list[str]:
    return [one.name for _ in range(count) for one in exchange.destinations(["key", "cc"], Properties())]


@pytest.mark.parametrize("kind", TYPES)
def test_every_binding_is_as_likely_as_any_other(kind: type[RandomExchange]) -> None:
    counts = Counter(drawn(random_exchange(kind), 4_000))
    expected = {"a": 1_000, "b": 2_000, "c": 1_000}
    # Chi-square with 2 degrees of freedom: more than 13.8 happens once in 1,000 runs; the seed is fixed.
    assert sum((counts[queue] - count) ** 2 / count for queue, count in expected.items()) < 13.8


def test_chance_comes_from_the_broker() -> None:
    assert drawn(random_exchange(RandomExchange, 1), 50) == drawn(random_exchange(RandomExchange, 1), 50)
    assert drawn(random_exchange(RandomExchange, 1), 50) != drawn(random_exchange(RandomExchange, 2), 50)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_unbound_is_drawn_no_more(kind: type[RandomExchange]) -> None:
    exchange = random_exchange(kind)
    exchange.unbind(binding("b"))
    assert set(drawn(exchange, 100)) == {"a", "b", "c"}
    exchange.unbind(binding("b", "again"))
    assert set(drawn(exchange, 100)) == {"a", "c"}
    exchange.unbind(binding("a"))
    exchange.unbind(binding("c"))
    assert drawn(exchange, 1) == []


@pytest.mark.parametrize("kind", TYPES)
def test_no_draw_is_the_next_one_s(kind: type[RandomExchange]) -> None:
    assert not kind("x", False, False, False, {}).pure


# Read in rabbit_exchange_type_local_random of 4.3.5.


def queue_of(kind: str) -> Queue:
    return Queue("q", durable=True, arguments={"x-queue-type": from_python(kind)})


def test_a_local_queue_is_bound_without_a_key() -> None:
    exchange = LocalRandomExchange("x", False, False, False, {})
    exchange.check_binding(binding(), PROFILES["4.2"], queue_of("classic"))
    for refused, queue, words in (
        (binding(key="key"), queue_of("classic"), "Non empty binding 'key' key not permitted"),
        (binding(), queue_of("quorum"), "Queue type rabbit_quorum_queue not valid for this exchange type"),
        (binding(), queue_of("stream"), "Queue type rabbit_stream_queue not valid for this exchange type"),
        (Binding("x", Destination("exchange", "y"), "", {}), None, "Destination not found"),
    ):
        with pytest.raises(AMQPError) as raised:
            exchange.check_binding(refused, PROFILES["4.2"], queue)
        assert raised.value.text == f"PRECONDITION_FAILED - {words}"


def test_any_binding_will_do_for_x_random() -> None:
    exchange = RandomExchange("x", False, False, False, {})
    exchange.check_binding(Binding("x", Destination("exchange", "y"), "key", {}), PROFILES["4.2"], None)


@pytest.mark.parametrize(("profile", "code"), [("3.13", 503), ("4.2", None), ("4.3", None)])
def test_x_local_random_is_new_in_4_0(profile: str, code: int | None) -> None:
    vhost = VirtualHost("/", PROFILES[profile], Random(0).randbytes, HandClock())
    if code is None:
        assert vhost.exchange_type("x-local-random") is EXCHANGE_TYPES["x-local-random"]
        return
    with pytest.raises(AMQPError) as raised:
        vhost.exchange_type("x-local-random")
    assert (raised.value.code, raised.value.explanation) == (code, "unknown exchange type 'x-local-random'")
