"""What our own environment variables say."""

from collections.abc import Mapping
from typing import Any, Final

from amqpbroker.server.config.contradictions import refuse_both_kept
from amqpbroker.server.config.errors import ConfigError, refuse_unknown
from amqpbroker.server.config.settings import SETTINGS

# What the verbs read that ask a broker which runs: no settings, and not refused as such.
CLIENT_VARIABLES: Final = frozenset(
    f"AMQPBROKER_{name}" for name in ("HTTP", "URL", "USER", "PASSWORD", "PASSWORD_FILE")
)


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings from AMQPBROKER_*; one that is empty counts as not set. ConfigError: one that cannot be used.

    What is secret may come from a file, which the variable with _FILE at its end names.
    """
    known = {row.environment: row for row in SETTINGS}
    from_file = {f"{row.environment}_FILE": row.environment for row in SETTINGS if row.kind.secret}
    values = {}
    for variable, value in environment.items():
        # Who gives AMQPBROKER_USER a password means AMQPBROKER_USERS, and must not get a broker with guest instead.
        of_a_client = variable in CLIENT_VARIABLES and not (variable == "AMQPBROKER_USER" and ":" in value)
        if variable.startswith("AMQPBROKER_") and not of_a_client:
            name = from_file.get(variable, variable)
            row = known.get(name) or refuse_unknown("the environment", variable, known)
            if given := value_or_file(environment, name) if row.kind.secret else value:
                values[row.name] = row.read(given, variable)
    refuse_both_kept(values, "AMQPBROKER_MEMORY", "AMQPBROKER_DATA_DIR")
    return values


def value_or_file(environment: Mapping[str, str], variable: str) -> str:
    """A variable's value, or the content of the file that the variable with _FILE at its end names; empty: neither.

    ConfigError: both are there, or the file cannot be read.
    """
    path = environment.get(f"{variable}_FILE")
    if not path:
        return environment.get(variable, "")
    if environment.get(variable):
        raise ConfigError(f"{variable} and {variable}_FILE: it is given twice; leave one of them out")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{variable}_FILE: {path} cannot be read; name a file that can be") from None
