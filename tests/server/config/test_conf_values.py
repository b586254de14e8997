"""Values of a rabbitmq.conf as RabbitMQ writes them."""

from collections.abc import Callable

import pytest

from amqpbroker.server.config import ConfigError
from amqpbroker.server.config.conf_format import Line
from amqpbroker.server.config.conf_values import is_true, octets, read_setting, share, size, whole


def line(value: str) -> Line:
    return Line(("a", "b"), value, "rabbitmq.conf, line 1")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (whole, "0", 0), (is_true, "true", True), (is_true, "false", False), (octets, "5", 5), (octets, "2kb", 2_048),
        (octets, "1GB", 1_073_741_824), (size, "1GB", 1_000_000_000), (size, "1GiB", 1_073_741_824),
        (share, "0.4", 0.4), (share, "2", 2.0),
    ],
)  # fmt: skip
def test_a_value_is_read(read: Callable[[Line], object], text: str, value: object):
    assert read(line(text)) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (whole, "-1"), (whole, "1.5"), (is_true, "yes"), (octets, "1TB"), (octets, "KB"), (size, "x"), (share, "x"),
        (share, "nan"),
    ],
)  # fmt: skip
def test_another_is_named_with_its_place(read: Callable[[Line], object], text: str):
    with pytest.raises(ConfigError) as refused:
        read(line(text))
    assert str(refused.value).startswith(f"rabbitmq.conf, line 1: a.b: {text!r} is not ")


def test_a_setting_is_read_from_the_line_or_from_what_that_was_made_into():
    assert read_setting(line("5"), "heartbeat_s") == 5
    assert read_setting(line("5"), "heartbeat_s", 7) == 7
