"""A row of the table of settings: the names a setting goes by, what it accepts, and how its value is written."""

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from amqpbroker.profiles import Profile
from amqpbroker.server.config.errors import ConfigError
from amqpbroker.server.config.kinds import ConfiguredUser, Kind, Watermark

T = TypeVar("T")


def setting(default: T, kind: Kind[T], sentence: str, *, flag: str = "", rabbitmq: str = "", in_file: bool = True) -> T:
    """Declare a field of the table.

    flag: where it is not the field's name. rabbitmq: RabbitMQ's own environment variable for it. in_file: whether the
    YAML file may set it.
    """
    about = {"kind": kind, "sentence": sentence, "flag": flag, "rabbitmq": rabbitmq, "in_file": in_file}
    return dataclasses.field(default=default, metadata=about, repr=not kind.secret)


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table: a field of the table and the names it goes by."""

    name: str
    default: Any
    kind: Kind[Any]
    sentence: str
    flag: str
    environment: str
    rabbitmq: str
    in_file: bool

    @property
    def default_text(self) -> str:
        """The default as an environment variable would give it; empty where there is none."""
        return self.text_of(self.default)

    def text_of(self, value: Any) -> str:
        """A value as an environment variable would give it. A secret is in it."""
        return _as_text(value)

    def read(self, value: object, where: str) -> Any:
        """The value in its type. ConfigError: it is not of this kind; where: the place to name."""
        try:
            return self.kind.read(value)
        except (ValueError, TypeError, KeyError):
            found = "the value" if self.kind.secret else repr(value)
            # Kubernetes makes AMQPBROKER_PORT=tcp://... out of a Service named amqpbroker.
            hint = ", or set enableServiceLinks: false" if str(value).startswith("tcp://") else ""
            text = f"{where}: {found} is not {self.kind.expects}; change it or leave it out{hint}"
            raise ConfigError(text) from None


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case tuple():
            return " ".join(_as_text(item) for item in value)
        case ConfiguredUser():
            # Of all passwords only guest's is ever shown, which everybody knows.
            return f"{value.name}:{value.name}:{','.join(value.tags)}"
        case Profile():
            return value.name
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case Watermark():
            return _as_text(value.share if value.share is not None else value.size_bytes)
    return str(value)


def row_of(field: dataclasses.Field[Any]) -> Setting:
    """The row that a field stands for."""
    about = dict(field.metadata)
    flag = about.pop("flag") or "--" + field.name.replace("_", "-")
    environment = "AMQPBROKER_" + field.name.upper()
    return Setting(name=field.name, default=field.default, flag=flag, environment=environment, **about)
