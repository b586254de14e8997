"""From an exchange, over exchanges, to queues."""

from collections.abc import Container
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges import EXCHANGE_TYPES, DefaultExchange
from amqpbroker.model.routing import Routing, route
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import from_python, long_string


class Topology(dict[str, Exchange]):
    """Exchanges by name; a binding names its queue or, with a leading `>`, an exchange."""

    def declare(self, name: str, type_name: str, alternate: str | None = None) -> None:
        arguments = {} if alternate is None else {"alternate-exchange": long_string(alternate)}
        self[name] = EXCHANGE_TYPES[type_name](name, False, False, False, arguments)

    def bind(self, source: str, destination: str, key: str = "", arguments: dict[str, Any] | None = None) -> None:
        exchange = destination.startswith(">")
        to = Destination("exchange" if exchange else "queue", destination.lstrip(">"))
        table = {name: from_python(value) for name, value in (arguments or {}).items()}
        self[source].bind(Binding(source, to, key, table))

    def route(self, start: str, *keys: str, queues: Container[str] | None = None) -> Routing:
        return route(self, {"q1", "q2", "q3"} if queues is None else queues, self[start], keys or ("",), Properties())


def test_a_queue_gets_one_copy_over_many_ways() -> None:
    topology = Topology()
    topology.declare("a", "fanout")
    topology.declare("b", "fanout")
    topology.bind("a", "q1", "1")
    topology.bind("a", "q1", "2")
    topology.bind("a", ">b")
    topology.bind("b", "q1")
    topology.bind("b", ">a")
    assert topology.route("a").queue_names == ("q1",)


def test_every_routing_key_is_looked_up() -> None:
    topology = Topology()
    topology.declare("a", "direct")
    topology.bind("a", "q1", "one")
    topology.bind("a", "q2", "two")
    topology.bind("a", "q3", "three")
    assert topology.route("a", "one", "two").queue_names == ("q1", "q2")


def test_the_default_exchange_reaches_queues_that_exist() -> None:
    topology = Topology({"": DefaultExchange()})
    assert topology.route("", "q1", "none").queue_names == ("q1",)


def test_the_alternate_exchange_gets_what_has_no_binding() -> None:
    topology = Topology()
    topology.declare("a", "direct", alternate="b")
    topology.declare("b", "fanout", alternate="a")
    topology.bind("a", "q1", "known")
    topology.bind("b", "q2")
    assert topology.route("a", "known").queue_names == ("q1",)
    assert topology.route("a", "unknown").queue_names == ("q2",)


def test_one_key_that_is_bound_keeps_the_alternate_exchange_out() -> None:
    topology = Topology()
    topology.declare("a", "direct", alternate="b")
    topology.declare("b", "fanout")
    topology.bind("a", "q1", "known")
    topology.bind("b", "q2")
    assert topology.route("a", "unknown", "known").queue_names == ("q1",)


def test_the_alternate_exchange_is_for_what_an_exchange_itself_does_not_route() -> None:
    # The message goes on to b, which drops it: for a it is routed all the same.
    topology = Topology()
    topology.declare("a", "direct", alternate="c")
    topology.declare("b", "direct")
    topology.declare("c", "fanout")
    topology.bind("a", ">b")
    topology.bind("c", "q1")
    assert topology.route("a").queue_names == ()


def test_an_exchange_on_the_way_has_its_own_alternate() -> None:
    topology = Topology()
    topology.declare("a", "direct")
    topology.declare("b", "direct", alternate="c")
    topology.declare("c", "fanout")
    topology.bind("a", ">b")
    topology.bind("c", "q1")
    assert topology.route("a").queue_names == ("q1",)


def test_an_alternate_exchange_that_does_not_exist_loses_the_message() -> None:
    topology = Topology()
    topology.declare("a", "direct", alternate="nowhere")
    assert topology.route("a").queue_names == ()


def test_the_default_exchange_is_nobody_s_alternate() -> None:
    # Asked of RabbitMQ 3.10.8: an alternate exchange of no name routes nothing.
    topology = Topology({"": DefaultExchange()})
    topology.declare("a", "direct", alternate="")
    assert topology.route("a", "q1").queue_names == ()


def test_a_way_by_headers_is_not_pure() -> None:
    topology = Topology()
    topology.declare("a", "topic")
    topology.declare("h", "headers")
    topology.bind("a", "q1", "plain")
    topology.bind("a", ">h", "by.headers")
    topology.bind("h", "q2", arguments={"x-match": "all"})
    assert topology.route("a", "plain") == Routing(("q1",), pure=True)
    assert topology.route("a", "by.headers") == Routing(("q2",), pure=False)


def test_an_alternate_exchange_by_headers_is_not_pure_either() -> None:
    topology = Topology()
    topology.declare("a", "direct", alternate="h")
    topology.declare("h", "headers")
    assert topology.route("a") == Routing((), pure=False)


def test_exchanges_that_keep_messages_are_told_of_once_wherever_they_are() -> None:
    topology = Topology()
    topology.declare("a", "fanout", alternate="h")
    topology.declare("h", "x-recent-history", alternate="i")
    topology.declare("i", "x-recent-history")
    assert topology.route("a").keepers == (topology["h"], topology["i"])
    topology.bind("a", "q1")
    assert topology.route("a").keepers == ()
    topology.bind("a", ">h")
    topology.bind("a", ">h", "again")
    topology.bind("h", ">a")
    assert topology.route("a").keepers == (topology["h"],)


NAMES = st.sampled_from("abcdef")
WAYS = st.lists(st.tuples(NAMES, st.sampled_from([">a", ">b", ">c", ">d", ">e", ">f", "q1", "q2", "q3"])), max_size=30)


@given(WAYS, st.dictionaries(NAMES, NAMES), NAMES)
def test_any_graph_of_exchanges_gives_each_queue_in_reach_once(
    ways: list[tuple[str, str]], alternates: dict[str, str], start: str
) -> None:
    topology = Topology()
    for name in "abcdef":
        topology.declare(name, "fanout", alternate=alternates.get(name))
    for source, destination in ways:
        topology.bind(source, destination)
    onward = {name: {to for source, to in ways if source == name} for name in "abcdef"}
    for name, alternate in alternates.items():
        onward[name] = onward[name] or {f">{alternate}"}
    reach = {f">{start}"}
    while further := {to for name in reach for to in onward.get(name.lstrip(">"), ())} - reach:
        reach |= further
    assert sorted(topology.route(start).queue_names) == sorted(name for name in reach if not name.startswith(">"))
