"""What a broker of a test suite is set to: in memory, on a free port of this machine, unless it is told otherwise."""

from typing import Any, Final

from amqpbroker.server.config import SETTINGS, Config
from amqpbroker.server.config.errors import refuse_unknown

OFF: Final = -1
_ROWS: Final = {row.name: row for row in SETTINGS}


def config_of(*, http: bool = False, **settings: object) -> Config:
    """The configuration. http: with the management API and the web UI, on a free port, too.

    settings: those of docs/configuration.md by name, with values as in the YAML file. ConfigError: one is unknown, or
    cannot be used.
    """
    given: dict[str, Any] = {"hosts": ("127.0.0.1",), "port": 0, "metrics_port": OFF, "http_port": 0 if http else OFF}
    for name, value in settings.items():
        row = _ROWS.get(name) or refuse_unknown("Broker()", name, _ROWS)
        given[name] = row.read(str(value) if name == "data_dir" else value, f"Broker({name}=…)")
    given.setdefault("memory", not given.get("data_dir"))
    return Config(**given)
