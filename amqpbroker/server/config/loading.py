"""Where a setting's value comes from: the first of flag, AMQPBROKER_*, RABBITMQ_*, the file and the default."""

import re
from collections.abc import Mapping
from typing import Any, Final

from amqpbroker.server.config.errors import ConfigError, refuse_unknown
from amqpbroker.server.config.kinds import ConfiguredUser
from amqpbroker.server.config.settings import SETTINGS, Config, both_kept
from amqpbroker.server.config.yaml_file import read_yaml

# RabbitMQ's variables that make up its first user.
_DEFAULT_USER: Final = ("RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS", "RABBITMQ_DEFAULT_USER_TAGS")
_RABBITMQ_VARIABLES: Final = frozenset(_DEFAULT_USER) | {row.rabbitmq for row in SETTINGS if row.rabbitmq}
# What the verbs read that ask a broker which runs: no settings, and not refused as such.
CLIENT_VARIABLES: Final = frozenset(
    f"AMQPBROKER_{name}" for name in ("HTTP", "URL", "USER", "PASSWORD", "PASSWORD_FILE")
)


def load(arguments: Mapping[str, object], environment: Mapping[str, str]) -> Config:
    """The settings from the command line, the environment and the file it names.

    arguments: setting name → text, or list of texts for a repeatable flag; None is a flag that was not given. An
    environment variable that is empty counts as not set. ConfigError: a value that cannot be used, an unknown name, a
    file that cannot be read.
    """
    values = _overlay(_from_rabbitmq(environment), _from_environment(environment))
    values = _overlay(values, _from_arguments(arguments))
    path = values.get("config_file")
    return Config(**(_overlay(_from_file(path), values) if path else values))


def _overlay(lower: dict[str, Any], higher: dict[str, Any]) -> dict[str, Any]:
    """The values of two sources, of which the higher wins; where it says to keep everything, the lower is not heard."""
    kept = {"data_dir", "memory"} if higher.get("memory") or higher.get("data_dir") else set()
    return {name: value for name, value in lower.items() if name not in kept} | higher


def _refuse_both_kept(values: dict[str, Any], memory: str, data_dir: str) -> None:
    """One source may not ask for memory and for a directory. ConfigError, with the names given."""
    if values.get("memory") and values.get("data_dir"):
        raise ConfigError(both_kept(f"{memory} and {data_dir}"))


def unknown_rabbitmq_variables(environment: Mapping[str, str]) -> list[str]:
    """The RABBITMQ_* variables that mean nothing here, for one line of warning."""
    return sorted(name for name in environment if name.startswith("RABBITMQ_") and name not in _RABBITMQ_VARIABLES)


def _from_arguments(arguments: Mapping[str, object]) -> dict[str, Any]:
    given = ((row, arguments.get(row.name)) for row in SETTINGS)
    values = {row.name: row.read(value, row.flag) for row, value in given if value is not None}
    _refuse_both_kept(values, "--memory", "--data-dir")
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {row.environment: row for row in SETTINGS}
    values = {}
    for variable, value in environment.items():
        # Who gives AMQPBROKER_USER a password means AMQPBROKER_USERS, and must not get a broker with guest instead.
        of_a_client = variable in CLIENT_VARIABLES and not (variable == "AMQPBROKER_USER" and ":" in value)
        if variable.startswith("AMQPBROKER_") and not of_a_client:
            row = known.get(variable) or refuse_unknown("the environment", variable, known)
            if value:
                values[row.name] = row.read(value, variable)
    _refuse_both_kept(values, "AMQPBROKER_MEMORY", "AMQPBROKER_DATA_DIR")
    return values


def _from_rabbitmq(environment: Mapping[str, str]) -> dict[str, Any]:
    values = {
        row.name: row.read(environment[row.rabbitmq], row.rabbitmq)
        for row in SETTINGS
        if row.rabbitmq and environment.get(row.rabbitmq)
    }
    name, password, tags = (environment.get(variable) for variable in _DEFAULT_USER)
    if name or password:
        tag_names = re.split(r"[,\s]+", tags.strip()) if tags else ["administrator"]
        values["users"] = (ConfiguredUser(name or "guest", password or "guest", tuple(tag_names), only_at_first=True),)
    return values


def _from_file(path: str) -> dict[str, Any]:
    known = {row.name: row for row in SETTINGS if row.in_file}
    values = {}
    for key, value in read_yaml(path).items():
        row = known.get(key) or refuse_unknown(path, key, known)
        values[row.name] = row.read(value, f"{path}: {key}")
    _refuse_both_kept(values, f"{path}: memory", "data_dir")
    return values
