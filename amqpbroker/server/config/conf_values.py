"""Values of a rabbitmq.conf, as RabbitMQ writes them, for the settings of this broker.

Source: cuttlefish's datatypes, and RabbitMQ's rabbit_resource_monitor_misc for sizes of memory and disk.
"""

from typing import Any, Final

from amqpbroker.server.config.conf_format import Line
from amqpbroker.server.config.errors import ConfigError
from amqpbroker.server.config.settings import SETTINGS
from amqpbroker.server.machine import parse_size

_ROWS: Final = {row.name: row for row in SETTINGS}
_UNITS: Final = {"kb": 1_024, "mb": 1_048_576, "gb": 1_073_741_824}


def read_setting(line: Line, name: str, value: object = None) -> Any:
    """The value of a setting, from the line's or from what that was made into. ConfigError: it is none."""
    return _ROWS[name].read(line.value if value is None else value, f"{line.where}: {line.name}")


def not_right(line: Line, expected: str) -> ConfigError:
    """The error that names a value, which is no secret, and what it should be."""
    return ConfigError(f"{line.where}: {line.name}: {line.value!r} is not {expected}; change it or leave it out")


def whole(line: Line) -> int:
    """A whole number, not below 0."""
    if not line.value.isdecimal():
        raise not_right(line, "a whole number")
    return int(line.value)


def is_true(line: Line) -> bool:
    """True or false."""
    if line.value not in ("true", "false"):
        raise not_right(line, "true or false")
    return line.value == "true"


def as_it_is(line: Line) -> object:
    """The text."""
    return line.value


def octets(line: Line) -> object:
    """Cuttlefish's sizes: KB, MB and GB are powers of 1,024."""
    unit = _UNITS.get(line.value[-2:].lower())
    number = line.value[:-2] if unit else line.value
    if not number.isdecimal():
        raise not_right(line, "a number of octets, or one with KB, MB or GB")
    return int(number) * (unit or 1)


def size(line: Line) -> int:
    """Octets, in the units that RabbitMQ has for memory and disk."""
    try:
        return parse_size(line.value)
    except ValueError:
        raise not_right(line, "a number of octets, or one with a unit such as 50MB or 2GiB") from None


def share(line: Line) -> float:
    """A part of the whole, or more than it."""
    try:
        number = float(line.value)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise not_right(line, "a share such as 0.6")
    return number
