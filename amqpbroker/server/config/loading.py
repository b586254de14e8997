"""Where a setting's value comes from: the first of flag, AMQPBROKER_*, RABBITMQ_*, the file and the default."""

from collections.abc import Iterable, Mapping
from typing import Any

from amqpbroker.server.config.contradictions import refuse_both_kept
from amqpbroker.server.config.environment import from_environment
from amqpbroker.server.config.errors import Warn, refuse_unknown
from amqpbroker.server.config.files import additional_files, conf_files, is_rabbitmq_conf
from amqpbroker.server.config.kinds import ConfiguredUser, permissions_of
from amqpbroker.server.config.rabbitmq_environment import from_rabbitmq_environment
from amqpbroker.server.config.settings import SETTINGS, Config
from amqpbroker.server.config.yaml_file import read_yaml


def _say_nothing(_: str) -> None:
    pass


def load(arguments: Mapping[str, object], environment: Mapping[str, str], warn: Warn = _say_nothing) -> Config:
    """The settings from the command line, the environment and the files it names.

    arguments: setting name → text, or list of texts for a repeatable flag; None is a flag that was not given. An
    environment variable that is empty counts as not set. warn: gets a line for whatever RabbitMQ knows and this broker
    does not. ConfigError: a value that cannot be used, an unknown name, a file that cannot be read.
    """
    given = _overlay(from_environment(environment), _from_arguments(arguments))
    rabbitmq = from_rabbitmq_environment(environment, warn)
    if path := given.get("config_file"):
        paths = conf_files(path)
    else:
        main = rabbitmq.get("config_file")
        paths = [*(conf_files(main) if main else []), *additional_files(environment.get("RABBITMQ_CONFIG_FILES", ""))]
    from_files = _from_files(paths, environment, warn)
    if default_user := from_files.pop("default_user", {}) | rabbitmq.pop("default_user", {}):
        rabbitmq["users"] = (_first_user(**default_user),)
    return Config(**_overlay(_overlay(from_files, rabbitmq), given))


def _first_user(
    name: str = "guest",
    password: str = "guest",
    tags: tuple[str, ...] = ("administrator",),
    permissions: Mapping[str, str] | None = None,
) -> ConfiguredUser:
    """RabbitMQ's default user, as far as it is not said otherwise."""
    return ConfiguredUser(name, password, tags, permissions_of(permissions or {}), only_at_first=True)


def _overlay(lower: dict[str, Any], higher: dict[str, Any]) -> dict[str, Any]:
    """The values of two sources, of which the higher wins; where it says to keep everything, the lower is not heard."""
    kept = {"data_dir", "memory"} if higher.get("memory") or higher.get("data_dir") else set()
    return {name: value for name, value in lower.items() if name not in kept} | higher


def _from_arguments(arguments: Mapping[str, object]) -> dict[str, Any]:
    given = ((row, arguments.get(row.name)) for row in SETTINGS)
    values = {row.name: row.read(value, row.flag) for row, value in given if value is not None}
    refuse_both_kept(values, "--memory", "--data-dir")
    return values


def _from_files(paths: Iterable[str], environment: Mapping[str, str], warn: Warn) -> dict[str, Any]:
    """What the files say, of which the later wins; those of RabbitMQ are one, whatever stands between them."""
    by_format: dict[bool, list[str]] = {True: [], False: []}
    for path in paths:
        by_format[is_rabbitmq_conf(path)].append(path)
    values: dict[str, Any] = {}
    for path in by_format[False]:
        values = _overlay(values, _from_yaml(path))
    if not by_format[True]:
        return values
    from amqpbroker.server.config.rabbitmq_conf import read_rabbitmq_conf  # only a start with such a file pays for it

    return _overlay(values, read_rabbitmq_conf(by_format[True], environment, warn))


def _from_yaml(path: str) -> dict[str, Any]:
    known = {row.name: row for row in SETTINGS if row.in_file}
    values = {}
    for key, value in read_yaml(path).items():
        row = known.get(key) or refuse_unknown(path, key, known)
        values[row.name] = row.read(value, f"{path}: {key}")
    refuse_both_kept(values, f"{path}: memory", "data_dir")
    return values
