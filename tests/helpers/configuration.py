"""Settings as a test gives them."""

from pathlib import Path

import pytest

from amqpbroker.server.config import ConfigError, load


def written(folder: Path, content: str | bytes, name: str = "amqpbroker.yml") -> dict[str, object]:
    """Write a configuration file and give the arguments that name it."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return {"config_file": str(path)}


def conf(folder: Path, content: str) -> dict[str, object]:
    """Write a rabbitmq.conf and give the arguments that name it."""
    return written(folder, content, "rabbitmq.conf")


def refusal(arguments: dict[str, object], environment: dict[str, str] | None = None) -> str:
    """The one line that refuses these settings."""
    with pytest.raises(ConfigError) as refused:
        load(arguments, environment or {})
    assert "\n" not in str(refused.value)
    return str(refused.value)
