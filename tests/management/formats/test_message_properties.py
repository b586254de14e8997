"""Properties as JSON has them, there and back."""

import pytest

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.message_properties import json_properties, properties_of
from amqpbroker.wire.properties import Properties, decode, encode

ALL = {
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "correlation_id": "c",
    "reply_to": "r",
    "expiration": "60000",
    "message_id": "m",
    "type": "t",
    "user_id": "guest",
    "app_id": "a",
    "cluster_id": "x",
    "delivery_mode": 2,
    "priority": 3,
    "timestamp": 17,
    "headers": {"n": 1, "s": "x", "l": [1, {"y": True}], "e": {}},
}


def test_they_come_back_as_they_were() -> None:
    assert json_properties(decode(encode(properties_of(ALL), 0))) == ALL


def test_none_of_them_are_an_empty_list() -> None:
    assert json_properties(Properties()) == []


def test_names_that_are_none_say_nothing() -> None:
    assert properties_of({"unknown": 5}) == Properties()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delivery_mode", "2"),
        ("delivery_mode", 256),
        ("priority", -1),
        ("priority", True),
        ("timestamp", 1.5),
        ("timestamp", 1 << 64),
        ("content_type", 5),
        ("content_type", "x" * 256),
        ("expiration", 60000),
        ("headers", "x"),
        ("headers", {"a": None}),
    ],
)
def test_what_a_property_cannot_be_is_told_with_its_name(name: str, value: object) -> None:
    with pytest.raises(BadRequest, match=name if value != {"a": None} else "null"):
        properties_of({name: value})
