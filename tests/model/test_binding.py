"""Bindings are the same when all that makes them is."""

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.wire.tables import Field, Table

QUEUE = Destination("queue", "orders")


def binding(arguments: Table, key: str = "new", destination: Destination = QUEUE, source: str = "events") -> Binding:
    return Binding(source, destination, key, arguments)


def test_the_same_again_is_the_same_binding() -> None:
    again = {binding({"x": Field("I", 1)}), binding({"x": Field("I", 1)})}
    assert len(again) == 1


def test_the_order_of_arguments_does_not_count() -> None:
    one, two = Field("I", 1), Field("S", b"two")
    assert binding({"a": one, "b": two}) == binding({"b": two, "a": one})
    assert hash(binding({"a": one, "b": two})) == hash(binding({"b": two, "a": one}))


def test_the_type_of_an_argument_counts() -> None:
    # RabbitMQ 3.10: unbinding with 1 as a byte leaves a binding made with 1 as a signedint.
    kinds = [Field("I", 1), Field("b", 1), Field("t", True), Field("d", 1.0), Field("S", b"1")]
    assert len({binding({"a": field}) for field in kinds}) == len(kinds)


def test_nested_arguments_are_compared_too() -> None:
    nested = Field("F", {"list": Field("A", [Field("I", 1), Field("F", {})])})
    other = Field("F", {"list": Field("A", [Field("I", 2), Field("F", {})])})
    assert binding({"a": nested}) == binding({"a": nested})
    assert binding({"a": nested}) != binding({"a": other})


def test_source_destination_and_key_count() -> None:
    exchange = Destination("exchange", "orders")
    different = {binding({}), binding({}, key="old"), binding({}, destination=exchange), binding({}, source="other")}
    assert len(different) == 4


def test_a_binding_equals_nothing_else() -> None:
    assert binding({}) != ("events", QUEUE, "new", {})
