"""What the keys of a rabbitmq.conf mean here: each function takes those that make up some settings.

Source: RabbitMQ's rabbit.schema, rabbitmq_management.schema and rabbitmq_prometheus.schema.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from amqpbroker.server.config.conf_format import Line
from amqpbroker.server.config.conf_lines import ConfLines
from amqpbroker.server.config.errors import ConfigError
from amqpbroker.server.config.kinds import Watermark, is_pattern
from amqpbroker.server.config.settings import FRAME_MAX_MAX_BYTES, SETTINGS
from amqpbroker.server.machine import UNKNOWN_MEMORY_BYTES, memory_bytes, parse_size

_ROWS: Final = {row.name: row for row in SETTINGS}
_UNITS: Final = {"kb": 1_024, "mb": 1_048_576, "gb": 1_073_741_824}
# RabbitMQ's levels of the log, as they are called here.
LEVELS: Final = {
    "debug": "debug",
    "info": "info",
    "notice": "warning",
    "warning": "warning",
    **dict.fromkeys(("error", "critical", "alert", "emergency", "none"), "error"),
}
_INFINITE_TIME_S: Final = 3_600
_CHANNELS_WITHOUT_LIMIT: Final = 65_535


def settings_of(conf: ConfLines, node: str) -> dict[str, Any]:
    """The settings that the file's lines make up. node: its name. ConfigError: a value that cannot be used."""
    values = (
        _direct(conf)
        | _listeners(conf)
        | _resources(conf)
        | _logging(conf)
        | _log_file(conf, node)
        | _interceptors(conf)
    )
    if (loopback_users := _loopback_users(conf)) is not None:
        values["loopback_users"] = loopback_users
    if default_user := _default_user(conf):
        values["default_user"] = default_user
    return values


def _read(line: Line, name: str, value: object = None) -> Any:
    """The value of a setting, from the line's or from what that was made into. ConfigError: it is none."""
    return _ROWS[name].read(line.value if value is None else value, f"{line.where}: {line.name}")


def _not(line: Line, expected: str) -> ConfigError:
    return ConfigError(f"{line.where}: {line.name}: {line.value!r} is not {expected}; change it or leave it out")


def _whole(line: Line) -> int:
    if not line.value.isdecimal():
        raise _not(line, "a whole number")
    return int(line.value)


def _is_true(line: Line) -> bool:
    if line.value not in ("true", "false"):
        raise _not(line, "true or false")
    return line.value == "true"


# What one key says


def _as_it_is(line: Line) -> object:
    return line.value


def _octets(line: Line) -> object:
    """Cuttlefish's sizes: KB, MB and GB are powers of 1,024."""
    unit = _UNITS.get(line.value[-2:].lower())
    number = line.value[:-2] if unit else line.value
    if not number.isdecimal():
        raise _not(line, "a number of octets, or one with KB, MB or GB")
    return int(number) * (unit or 1)


def _frame_max(line: Line) -> object:
    """0 is no limit there."""
    return _octets(line) or FRAME_MAX_MAX_BYTES


def _channel_max(line: Line) -> object:
    """0 is no limit there."""
    return _whole(line) or _CHANNELS_WITHOUT_LIMIT


def _seconds_of_ms(line: Line) -> object:
    return _INFINITE_TIME_S if line.value == "infinity" else _whole(line) / 1_000


_DIRECT: Final[dict[str, tuple[str, Callable[[Line], object]]]] = {
    "heartbeat": ("heartbeat_s", _as_it_is),
    "frame_max": ("frame_max_bytes", _frame_max),
    "channel_max": ("channel_max", _channel_max),
    "max_channels_per_connection": ("channel_max", _channel_max),
    "handshake_timeout": ("handshake_timeout_s", _seconds_of_ms),
    "consumer_timeout": ("consumer_timeout", _as_it_is),
    "max_message_size": ("message_size_max_bytes", _as_it_is),
    "default_vhost": ("vhost", _as_it_is),
    "default_queue_type": ("default_queue_type", _as_it_is),
    "cluster_name": ("cluster_name", _as_it_is),
    "management.load_definitions": ("definitions", _as_it_is),
    "load_definitions": ("definitions", _as_it_is),
    "definitions.local.path": ("definitions", _as_it_is),
    "management.listener.port": ("http_port", _as_it_is),
    "management.tcp.port": ("http_port", _as_it_is),
    "prometheus.tcp.port": ("metrics_port", _as_it_is),
}


def _direct(conf: ConfLines) -> dict[str, Any]:
    return {
        name: _read(line, name, convert(line))
        for pattern, (name, convert) in _DIRECT.items()
        for line in conf.take(pattern)
    }


# What several keys say together


def _listeners(conf: ConfLines) -> dict[str, Any]:
    """The addresses of AMQP: a port alone leaves them as they are, which is where this broker is more careful."""
    none = conf.one("listeners.tcp")
    lines = conf.take("listeners.tcp.$name")
    if none is not None:
        if none.value != "none":
            raise _not(none, "none; name the listener as in listeners.tcp.default")
        return {"hosts": ()}
    values: dict[str, Any] = {}
    for line in lines:
        host, _, port = line.value.rpartition(":")
        number = _read(line, "port", port)
        if values.setdefault("port", number) != number:
            raise ConfigError(f"{line.where}: {line.name}: every address has one port here; give the same everywhere")
        if host:
            values["hosts"] = (*values.get("hosts", ()), *_read(line, "hosts", host.strip("[]")))
    return values


def _resources(conf: ConfLines) -> dict[str, Any]:
    """How much memory and disk there must be; an absolute bound wins."""
    values: dict[str, Any] = {}
    for line in conf.take("vm_memory_high_watermark.relative"):
        values["vm_memory_high_watermark"] = Watermark(share=min(_share(line), 1.0))
    for line in conf.take("disk_free_limit.relative"):
        values["disk_free_limit"] = int(_share(line) * (memory_bytes() or UNKNOWN_MEMORY_BYTES))
    for line in conf.take("vm_memory_high_watermark.absolute"):
        values["vm_memory_high_watermark"] = Watermark(size_bytes=_size(line))
    for line in conf.take("disk_free_limit.absolute"):
        values["disk_free_limit"] = _size(line)
    return values


def _size(line: Line) -> int:
    try:
        return parse_size(line.value)
    except ValueError:
        raise _not(line, "a number of octets, or one with a unit such as 50MB or 2GiB") from None


def _share(line: Line) -> float:
    try:
        share = float(line.value)
    except ValueError:
        share = -1.0
    if not 0.0 <= share < float("inf"):
        raise _not(line, "a share such as 0.6")
    return share


def _logging(conf: ConfLines) -> dict[str, Any]:
    """RabbitMQ has a level for each output; here they have one: the console's, or else the file's, or else any's."""
    values: dict[str, Any] = {}
    outputs = ("console", "file", "default")
    if (level := conf.one(*(f"log.{output}.level" for output in outputs))) is not None:
        values["log_level"] = _level(level, "log_level")
    if (formatter := conf.one("log.console.formatter", "log.file.formatter")) is not None:
        text = "text" if formatter.value == "plaintext" else formatter.value
        values["log_format"] = _read(formatter, "log_format", text)
    exchange, exchange_level = conf.one("log.exchange"), conf.one("log.exchange.level")
    if exchange is not None:
        values["log_exchange"] = str(_is_true(exchange)).lower()
        if exchange_level is not None and _is_true(exchange):
            values["log_exchange"] = _level(exchange_level, "log_exchange")
    return values


def _log_file(conf: ConfLines, node: str) -> dict[str, Any]:
    """In the directory, if there is one, and called as the node unless it is said."""
    file, folder = conf.one("log.file"), conf.one("log.dir")
    if file is not None and file.value == "false":
        return {"log_file": None}
    if file is None and folder is None:
        return {}
    name = file.value if file is not None else f"{node}.log"
    return {"log_file": os.path.join(folder.value, name) if folder is not None else name}


def _level(line: Line, name: str) -> Any:
    return _read(line, name, LEVELS.get(line.value, line.value))


def _interceptors(conf: ConfLines) -> dict[str, Any]:
    values = {}
    for name in ("set_header_timestamp", "set_header_routing_node"):
        for line in conf.take(f"message_interceptors.incoming.{name}.overwrite"):
            values[name] = "overwrite" if _is_true(line) else "keep"
    return values


def _loopback_users(conf: ConfLines) -> tuple[str, ...] | None:
    """Whoever is named true. Source: rabbit.schema's translation of rabbit.loopback_users."""
    none = conf.one("loopback_users")
    lines = conf.take("loopback_users.$user")
    if none is None and not lines:
        return None
    if none is not None:
        if none.value != "none":
            raise _not(none, "none; name a user as in loopback_users.guest")
        return ()
    return tuple(line.key[1] for line in lines if _is_true(line))


def _default_user(conf: ConfLines) -> dict[str, Any]:
    """What makes up the first user: name, password, tags, as far as the file says."""
    user: dict[str, Any] = {}
    for name, key in (("name", "default_user"), ("password", "default_pass")):
        for line in conf.take(key):
            user[name] = line.value
    if lines := conf.take("default_user_tags.$tag"):
        user["tags"] = tuple(line.key[1] for line in lines if _is_true(line))
    permissions = {}
    for kind in ("configure", "write", "read"):
        for line in conf.take(f"default_permissions.{kind}"):
            if not is_pattern(line.value):
                raise _not(line, "a regular expression")
            permissions[kind] = line.value
    if permissions:
        user["permissions"] = permissions
    return user
