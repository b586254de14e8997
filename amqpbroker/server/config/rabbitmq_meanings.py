"""What the keys of a rabbitmq.conf mean here: each function takes those that make up some settings.

Source: RabbitMQ's rabbit.schema, rabbitmq_management.schema and rabbitmq_prometheus.schema.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from amqpbroker.server.config.conf_format import Line
from amqpbroker.server.config.conf_lines import ConfLines
from amqpbroker.server.config.conf_values import as_it_is, is_true, not_right, octets, read_setting, share, size, whole
from amqpbroker.server.config.errors import ConfigError
from amqpbroker.server.config.kinds import Watermark, is_pattern
from amqpbroker.server.config.rabbitmq_environment import LEVELS
from amqpbroker.server.config.rabbitmq_tls import tls_settings
from amqpbroker.server.config.settings import FRAME_MAX_MAX_BYTES
from amqpbroker.server.machine import UNKNOWN_MEMORY_BYTES, memory_bytes

_INFINITE_TIME_S: Final = 3_600
_CHANNELS_WITHOUT_LIMIT: Final = 65_535


def settings_of(conf: ConfLines, node: str) -> dict[str, Any]:
    """The settings that the file's lines make up. node: its name. ConfigError: a value that cannot be used."""
    values = (
        _direct(conf)
        | tls_settings(conf)
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


# What one key says


def _frame_max(line: Line) -> object:
    """0 is no limit there."""
    return octets(line) or FRAME_MAX_MAX_BYTES


def _channel_max(line: Line) -> object:
    """0 is no limit there."""
    return whole(line) or _CHANNELS_WITHOUT_LIMIT


def _seconds_of_ms(line: Line) -> object:
    return _INFINITE_TIME_S if line.value == "infinity" else whole(line) / 1_000


_DIRECT: Final[dict[str, tuple[str, Callable[[Line], object]]]] = {
    "heartbeat": ("heartbeat_s", as_it_is),
    "frame_max": ("frame_max_bytes", _frame_max),
    "channel_max": ("channel_max", _channel_max),
    "max_channels_per_connection": ("channel_max", _channel_max),
    "handshake_timeout": ("handshake_timeout_s", _seconds_of_ms),
    "consumer_timeout": ("consumer_timeout", as_it_is),
    "max_message_size": ("message_size_max_bytes", as_it_is),
    "default_vhost": ("vhost", as_it_is),
    "default_queue_type": ("default_queue_type", as_it_is),
    "cluster_name": ("cluster_name", as_it_is),
    "management.load_definitions": ("definitions", as_it_is),
    "load_definitions": ("definitions", as_it_is),
    "definitions.local.path": ("definitions", as_it_is),
    "prometheus.tcp.port": ("metrics_port", as_it_is),
    "prometheus.tcp.ip": ("metrics_addresses", as_it_is),
}


def _direct(conf: ConfLines) -> dict[str, Any]:
    return {
        name: read_setting(line, name, convert(line))
        for pattern, (name, convert) in _DIRECT.items()
        for line in conf.take(pattern)
    }


# What several keys say together


def _listeners(conf: ConfLines) -> dict[str, Any]:
    """The addresses of AMQP: a port alone leaves them as they are, which is where this broker is more careful."""
    values: dict[str, Any] = {}
    for transport, name in (("tcp", "port"), ("ssl", "tls_port")):
        none = conf.one(f"listeners.{transport}")
        lines = conf.take(f"listeners.{transport}.$name")
        if none is not None:
            if none.value != "none":
                raise not_right(none, f"none; name the listener as in listeners.{transport}.default")
            values[name] = -1
            continue
        for line in lines:
            host, _, port = line.value.rpartition(":")
            number = read_setting(line, name, port)
            if values.setdefault(name, number) != number:
                raise ConfigError(f"{line.where}: {line.name}: every address has one port here; give the same to all")
            hosts = read_setting(line, "hosts", host.strip("[]")) if host else ()
            values["hosts"] = tuple(dict.fromkeys((*values.get("hosts", ()), *hosts)))
    return {name: value for name, value in values.items() if value != ()}


def _resources(conf: ConfLines) -> dict[str, Any]:
    """How much memory and disk there must be; an absolute bound wins."""
    values: dict[str, Any] = {}
    for line in conf.take("vm_memory_high_watermark.relative"):
        values["vm_memory_high_watermark"] = Watermark(share=min(share(line), 1.0))
    for line in conf.take("disk_free_limit.relative"):
        values["disk_free_limit"] = int(share(line) * (memory_bytes() or UNKNOWN_MEMORY_BYTES))
    for line in conf.take("vm_memory_high_watermark.absolute"):
        values["vm_memory_high_watermark"] = Watermark(size_bytes=size(line))
    for line in conf.take("disk_free_limit.absolute"):
        values["disk_free_limit"] = size(line)
    return values


def _logging(conf: ConfLines) -> dict[str, Any]:
    """RabbitMQ has a level for each output; here they have one: the console's, or else the file's, or else any's."""
    values: dict[str, Any] = {}
    outputs = ("console", "file", "default")
    if (level := conf.one(*(f"log.{output}.level" for output in outputs))) is not None:
        values["log_level"] = _level(level, "log_level")
    if (formatter := conf.one("log.console.formatter", "log.file.formatter")) is not None:
        text = "text" if formatter.value == "plaintext" else formatter.value
        values["log_format"] = read_setting(formatter, "log_format", text)
    exchange, exchange_level = conf.one("log.exchange"), conf.one("log.exchange.level")
    if exchange is not None:
        values["log_exchange"] = str(is_true(exchange)).lower()
        if exchange_level is not None and is_true(exchange):
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
    return read_setting(line, name, LEVELS.get(line.value, line.value))


def _interceptors(conf: ConfLines) -> dict[str, Any]:
    values = {}
    for name in ("set_header_timestamp", "set_header_routing_node"):
        for line in conf.take(f"message_interceptors.incoming.{name}.overwrite"):
            values[name] = "overwrite" if is_true(line) else "keep"
    return values


def _loopback_users(conf: ConfLines) -> tuple[str, ...] | None:
    """Whoever is named true. Source: rabbit.schema's translation of rabbit.loopback_users."""
    none = conf.one("loopback_users")
    lines = conf.take("loopback_users.$user")
    if none is None and not lines:
        return None
    if none is not None:
        if none.value != "none":
            raise not_right(none, "none; name a user as in loopback_users.guest")
        return ()
    return tuple(line.key[1] for line in lines if is_true(line))


def _default_user(conf: ConfLines) -> dict[str, Any]:
    """What makes up the first user: name, password, tags, as far as the file says."""
    user: dict[str, Any] = {}
    for name, key in (("name", "default_user"), ("password", "default_pass")):
        for line in conf.take(key):
            user[name] = line.value
    if lines := conf.take("default_user_tags.$tag"):
        user["tags"] = tuple(line.key[1] for line in lines if is_true(line))
    permissions = {}
    for kind in ("configure", "write", "read"):
        for line in conf.take(f"default_permissions.{kind}"):
            if not is_pattern(line.value):
                raise not_right(line, "a regular expression")
            permissions[kind] = line.value
    if permissions:
        user["permissions"] = permissions
    return user
