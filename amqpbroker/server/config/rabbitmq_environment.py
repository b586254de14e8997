"""What RabbitMQ's own environment variables say, in the settings of this broker.

Source: RabbitMQ's rabbit_env; for the *_FILE variables the entry point of its container image.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from amqpbroker.server.config.environment import value_or_file
from amqpbroker.server.config.errors import ConfigError, Warn
from amqpbroker.server.config.rabbitmq_plugins import BUILT_IN
from amqpbroker.server.config.settings import SETTINGS
from amqpbroker.server.identity import node_name

# RabbitMQ's levels of the log, as they are called here.
LEVELS: Final = {
    "debug": "debug",
    "info": "info",
    "notice": "warning",
    "warning": "warning",
    **dict.fromkeys(("error", "critical", "alert", "emergency", "none"), "error"),
}
_DEFAULT_USER: Final = {
    "name": "RABBITMQ_DEFAULT_USER",
    "password": "RABBITMQ_DEFAULT_PASS",
    "tags": "RABBITMQ_DEFAULT_USER_TAGS",
}
_BY_NAME: Final = {row.rabbitmq for row in SETTINGS if row.rabbitmq}
# What is seen to below, beside what a setting names.
_KNOWN: Final = {
    *_BY_NAME,
    *_DEFAULT_USER.values(),
    *(f"{variable}_FILE" for variable in _DEFAULT_USER.values()),
    "RABBITMQ_CONFIG_FILES",
    "RABBITMQ_MNESIA_BASE",
    "RABBITMQ_LOG",
    "RABBITMQ_LOGS",
    "RABBITMQ_LOG_BASE",
    "RABBITMQ_ENABLED_PLUGINS",
    "RABBITMQ_ENABLED_PLUGINS_FILE",
}


def from_rabbitmq_environment(environment: Mapping[str, str], warn: Warn) -> dict[str, Any]:
    """The settings; `default_user` holds what makes up the first user. Warns of what means nothing here.

    ConfigError: a value that cannot be used.
    """
    values = {
        row.name: row.read(environment[row.rabbitmq], row.rabbitmq)
        for row in SETTINGS
        if row.rabbitmq and environment.get(row.rabbitmq)
    }
    if values.get("hosts") == ("auto",):  # what is usual
        del values["hosts"]
    if default_user := _default_user(environment):
        values["default_user"] = default_user
    if (base := environment.get("RABBITMQ_MNESIA_BASE")) and "data_dir" not in values:
        values["data_dir"] = os.path.join(base, node_name(values.get("node_name", "")))
    values |= _logging(environment, node_name(values.get("node_name", "")))
    unknown = sorted(name for name in environment if name.startswith("RABBITMQ_") and name not in _KNOWN)
    if unknown:
        warn(f"these environment variables mean nothing here: {', '.join(unknown)}")
    if plugins := sorted(set(_enabled_plugins(environment)).difference(BUILT_IN)):
        warn(f"these plugins of RabbitMQ are not there: {', '.join(plugins)}")
    return values


def _default_user(environment: Mapping[str, str]) -> dict[str, Any]:
    given = {part: value_or_file(environment, variable) for part, variable in _DEFAULT_USER.items()}
    user: dict[str, Any] = {part: value for part, value in given.items() if value}
    if "tags" in user:
        user["tags"] = tuple(tag for tag in re.split(r"[,\s]+", user["tags"]) if tag)
        # Tags alone make no user.
        return user if len(user) > 1 else {}
    return user


def _logging(environment: Mapping[str, str], node: str) -> dict[str, Any]:
    """RABBITMQ_LOGS is a file, or - for the console; RABBITMQ_LOG is words such as debug and +json."""
    values: dict[str, Any] = {}
    logs = environment.get("RABBITMQ_LOGS", "")
    if logs.startswith("-"):
        values["log_file"] = None
    elif logs:
        values["log_file"] = os.path.expanduser(logs)
    elif base := environment.get("RABBITMQ_LOG_BASE"):
        values["log_file"] = os.path.join(base, f"{node}.log")
    for word in environment.get("RABBITMQ_LOG", "").split(","):
        if word in ("+json", "-json"):
            values["log_format"] = "json" if word == "+json" else "text"
        elif word in LEVELS:
            values["log_level"] = LEVELS[word]
    return values


def _enabled_plugins(environment: Mapping[str, str]) -> list[str]:
    """The names in RabbitMQ's list of plugins, an Erlang term: `[rabbitmq_management,rabbitmq_stream].`"""
    path = environment.get("RABBITMQ_ENABLED_PLUGINS_FILE")
    text = environment.get("RABBITMQ_ENABLED_PLUGINS", "")
    if path and not text:
        try:
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"%.*", "", file.read())
        except FileNotFoundError:
            return []  # as there: no plugin was ever enabled
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                f"RABBITMQ_ENABLED_PLUGINS_FILE: {path} cannot be read; name a file that can be"
            ) from None
    return re.findall(r"[a-z][a-z0-9_]*", text)
