"""The configuration file in YAML: `name: value`, as conf/amqpbroker.yml shows."""

from typing import Any

from amqpbroker.server.config.errors import ConfigError


def read_yaml(path: str) -> dict[Any, Any]:
    """The file's mapping of settings; an empty file has none. ConfigError: it cannot be read."""
    import yaml  # 20 ms that only a start with a file pays

    advice = "write `name: value` lines as in conf/amqpbroker.yml, or `key = value` in a file named *.conf"
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a file that can be read") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ConfigError(f"{path}{line}: is not YAML ({problem}); {advice}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: is not a YAML mapping of settings; {advice}")
    return content
