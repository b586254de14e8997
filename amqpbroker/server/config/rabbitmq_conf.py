"""What a rabbitmq.conf says, in the settings of this broker.

A key that means nothing here is told in a warning, as the file is somebody's who has a RabbitMQ. One that no RabbitMQ
knows either is an error, as it is there.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from amqpbroker.server.config.conf_format import Key, Line, read_conf, resolve
from amqpbroker.server.config.conf_lines import ConfLines
from amqpbroker.server.config.errors import ConfigError, Warn
from amqpbroker.server.config.rabbitmq_keys import is_known, matches, nearest_key
from amqpbroker.server.config.rabbitmq_meanings import settings_of
from amqpbroker.server.identity import node_name

# What is so anyway: no warning says that it means nothing.
_SO_ANYWAY: Final = {
    ("auth_backends.$num", "internal"),
    ("auth_backends.$num", "rabbit_auth_backend_internal"),
    ("log.console", "true"),
    ("definitions.import_backend", "local_filesystem"),
}


def read_rabbitmq_conf(paths: Iterable[str], environment: Mapping[str, str], warn: Warn) -> dict[str, Any]:
    """The settings of these files, of which the later wins. `default_user` holds what makes up the first user.

    ConfigError: a file that cannot be read, a value that cannot be used, a key that nobody knows.
    """
    lines: dict[Key, Line] = {}
    for path in paths:
        lines |= read_conf(path)
    conf = ConfLines(resolve(lines, environment))
    values = settings_of(conf, node_name(environment.get("RABBITMQ_NODENAME", "")))
    _tell_what_is_left(conf, warn)
    return values


def _tell_what_is_left(conf: ConfLines, warn: Warn) -> None:
    """Warns of what means nothing here, in one line. ConfigError: nobody knows it."""
    for line in conf.left:
        if not is_known(line.key):
            raise ConfigError(f"{line.where}: unknown key {line.name}; {nearest_key(line.name)}")
    left = [line for line in conf.left if not _is_so_anyway(line)]
    if left:
        told = ", ".join(f"{line.name} ({line.where})" for line in left)
        warn(f"these keys of rabbitmq.conf mean nothing here: {told}")


def _is_so_anyway(line: Line) -> bool:
    return any(matches(line.key, tuple(pattern.split("."))) and line.value == value for pattern, value in _SO_ANYWAY)
