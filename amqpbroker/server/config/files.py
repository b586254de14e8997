"""Which files a path stands for, and in which format they are."""

import os

from amqpbroker.server.config.errors import ConfigError


def conf_files(path: str) -> list[str]:
    """The files that a path stands for: itself, with the extension it may lack, or those of a directory by name.

    ConfigError: there are none.
    """
    if os.path.isdir(path):
        found = sorted(entry for entry in os.listdir(path) if entry.endswith(".conf"))
        if not found:
            raise ConfigError(f"{path}: there is no file named *.conf in it; put one there, or name another directory")
        return [os.path.join(path, entry) for entry in found]
    with_extension = f"{path}.conf"
    return [with_extension] if not os.path.exists(path) and os.path.exists(with_extension) else [path]


def additional_files(pattern: str) -> list[str]:
    """The files of RABBITMQ_CONFIG_FILES: those of a directory named *.conf, or those that match; there may be none."""
    from glob import glob

    return sorted(glob(os.path.join(pattern, "*.conf") if os.path.isdir(pattern) else pattern)) if pattern else []


def is_rabbitmq_conf(path: str) -> bool:
    """Whether a file has that format: by its name, or else by its first line that says something.

    ConfigError: it is in RabbitMQ's format of Erlang terms. A file that cannot be read is none.
    """
    name = os.path.basename(path)
    extension = os.path.splitext(name)[1]
    if extension in (".conf", ".yml", ".yaml", ".json"):
        return extension == ".conf"
    if extension == ".config":
        raise ConfigError(f"{path}: RabbitMQ's files of Erlang terms are not read; write it as rabbitmq.conf")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = (line.strip() for line in file)
            first = next((line for line in lines if line and not line.startswith("#")), "")
    except OSError:
        return False
    before, equals, _ = first.partition("=")
    return bool(equals) and ":" not in before
