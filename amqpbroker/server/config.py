"""Every setting of the broker, and where its value comes from.

The one table is `Config` itself: a field is a setting, with its default, its kind (what it accepts) and its sentence.
Flags, environment variables, keys of the YAML file, conf/amqpbroker.yml and docs/configuration.md follow from it.
A value is taken from the first that has one: flag, AMQPBROKER_*, RABBITMQ_*, the YAML file, the default.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, TypeVar

from amqpbroker import limits
from amqpbroker.model.access import User
from amqpbroker.profiles import DEFAULT_PROFILE, PROFILES, Profile
from amqpbroker.server.machine import parse_size

T = TypeVar("T")

AMQP_PORT: Final = 5672
HTTP_PORT: Final = 15672
METRICS_PORT: Final = 15692
PORT_MAX: Final = 65_535
# The most that RabbitMQ lets max_message_size be.
MESSAGE_SIZE_MAX_BYTES: Final = 536_870_912
# A frame is buffered whole before it is looked at.
FRAME_MAX_MAX_BYTES: Final = 16_777_216
CONSUMER_TIMEOUT_MAX_MS: Final = 315_360_000_000  # ten years


@dataclass(frozen=True, slots=True)
class Watermark:
    """A bound on memory: a share of what there is, from 0 to 1, or so many octets."""

    share: float | None = None
    size_bytes: int | None = None

    def bytes_of(self, memory_bytes: int) -> int:
        """In octets, never more than there are."""
        if self.share is not None:
            return int(self.share * memory_bytes)
        return min(self.size_bytes or 0, memory_bytes)


class ConfigError(Exception):
    """A setting that cannot be used: what is wrong, where it stands, what to do. One line, without secrets."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What a setting accepts.

    read takes text (flag, environment) or a YAML value and gives the setting's value; ValueError and TypeError mean
    that it is not what `expects` says. A secret value is not repeated in an error. A kind with several values takes a
    repeatable flag, and in one text they are separated by blanks.
    """

    expects: str
    placeholder: str
    read: Callable[[object], T]
    several: bool = False
    secret: bool = False


def whole_number(least: int, most: int, placeholder: str, note: str = "") -> Kind[int]:
    """A whole number within these bounds, both included."""

    def read(value: object) -> int:
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise TypeError
        number = int(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return Kind(f"a whole number from {least} to {most}{note}", placeholder, read)


def seconds(least: float, most: float) -> Kind[float]:
    """A time in seconds, fractions allowed."""

    def read(value: object) -> float:
        if not isinstance(value, int | float | str) or isinstance(value, bool):
            raise TypeError
        number = float(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return Kind(f"a number of seconds from {least:g} to {most:g}", "SECONDS", read)


def one_of(values: Mapping[str, T], placeholder: str = "") -> Kind[T]:
    """One of these words. YAML takes a bare 4.2 for a number, hence the text of it."""

    def read(value: object) -> T:
        word = str(value).lower() if isinstance(value, str | float | bool) else ""
        if word not in values:
            raise ValueError
        return values[word]

    return Kind(f"one of {', '.join(values)}", placeholder or "|".join(values), read)


def _read_size(value: object) -> int:
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise TypeError
    return parse_size(str(value))


def _read_watermark(value: object) -> Watermark:
    """A number up to 1 is a share, anything else a size: nobody means a single octet."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    text = str(value)
    if re.fullmatch(r"0|1|[01]?\.[0-9]+", text, re.ASCII):
        share = float(text)
        if share > 1:
            raise ValueError
        return Watermark(share=share)
    return Watermark(size_bytes=parse_size(text))


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value:
        raise ValueError
    return value


def _read_path(value: object) -> str | None:
    return None if value is None else os.path.expanduser(_read_text(value))


def _read_list(value: object) -> list[object]:
    """A YAML list, the items of one text, or none at all for the word `none`."""
    if value in ("none", ["none"]):
        return []
    if isinstance(value, str):
        return [*_read_text(value).split()]
    if not isinstance(value, list):
        raise TypeError
    return value


def _read_names(value: object) -> tuple[str, ...]:
    return tuple(_read_text(item) for item in _read_list(value))


def _read_user(value: object) -> User:
    """`name:password[:tag,tag]`, or a YAML mapping, which alone can hold a password with a colon or a blank."""
    if isinstance(value, str):
        name, password, *tags = value.split(":")
        if len(tags) > 1 or not name:
            raise ValueError
        return User(name, password, tuple(tag for tag in "".join(tags).split(",") if tag))
    if not isinstance(value, dict) or not value.keys() <= {"name", "password", "tags"}:
        raise TypeError
    return User(_read_text(value["name"]), _read_text(value["password"]), _read_names(value.get("tags", [])))


def _read_users(value: object) -> tuple[User, ...]:
    users = tuple(_read_user(item) for item in _read_list(value))
    if len({user.name for user in users}) < len(users):
        raise ValueError
    return users


INTERCEPTOR: Final = one_of({word: word for word in ("false", "keep", "overwrite")})
SWITCH: Final = one_of({"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False})
TEXT: Final = Kind("a text that is not empty", "NAME", _read_text)
PATH: Final[Kind[str | None]] = Kind("a path", "PATH", _read_path)
SIZE: Final = Kind("a number of octets, or one with a unit such as 50MB or 2GiB", "SIZE", _read_size)
WATERMARK: Final = Kind(
    "a share of the memory from 0 to 1, or a number of octets, or one with a unit such as 512MB or 2GiB",
    "SHARE|SIZE",
    _read_watermark,
)
NAMES: Final = Kind("a list of names, or none", "NAME", _read_names, several=True)
ADDRESSES: Final = Kind("a list of IP addresses or host names, or none", "ADDRESS", _read_names, several=True)
USERS: Final = Kind(
    "a list of users, each name:password or name:password:tag,tag (a name only once; a password with a colon or a "
    "blank: as name, password, tags in the configuration file)",
    "NAME:PASSWORD[:TAGS]",
    _read_users,
    several=True,
    secret=True,
)
PORT: Final = whole_number(0, PORT_MAX, "PORT", " (0 = any free one)")
PORT_OR_OFF: Final = whole_number(-1, PORT_MAX, "PORT", " (-1 = off, 0 = any free one)")


def setting(default: T, kind: Kind[T], sentence: str, *, flag: str = "", rabbitmq: str = "", in_file: bool = True) -> T:
    """Declare a field of `Config`.

    flag: where it is not the field's name. rabbitmq: RabbitMQ's own environment variable for it. in_file: whether the
    YAML file may set it.
    """
    about = {"kind": kind, "sentence": sentence, "flag": flag, "rabbitmq": rabbitmq, "in_file": in_file}
    return dataclasses.field(default=default, metadata=about)


@dataclass(frozen=True, slots=True)
class Config:
    """The broker's settings. `load` checks each; what they must not be together is checked here."""

    hosts: tuple[str, ...] = setting(
        ("127.0.0.1", "::1"),
        ADDRESSES,
        "The addresses to listen on for AMQP; 0.0.0.0 and :: are every address of the machine.",
        flag="--host",
        rabbitmq="RABBITMQ_NODE_IP_ADDRESS",
    )
    port: int = setting(
        AMQP_PORT,
        PORT,
        "The TCP port for AMQP on each of these addresses; 0 is any free one.",
        rabbitmq="RABBITMQ_NODE_PORT",
    )
    unix_socket: str | None = setting(None, PATH, "A unix domain socket to listen on for AMQP as well.")
    http_port: int = setting(HTTP_PORT, PORT_OR_OFF, "The port of the management API and UI; -1 is off.")
    metrics_port: int = setting(METRICS_PORT, PORT_OR_OFF, "The port of the Prometheus metrics; -1 is off.")
    data_dir: str | None = setting(
        None,
        PATH,
        "The directory that messages and definitions are kept in; without one, amqpbroker in $XDG_STATE_HOME or "
        "~/.local/state.",
        rabbitmq="RABBITMQ_MNESIA_DIR",
    )
    memory: bool = setting(False, SWITCH, "Keep everything in memory: nothing is written to disk.")
    no_sync: bool = setting(
        False,
        SWITCH,
        "Confirm without waiting for the disk, for CI runs: a power cut loses what was confirmed.",
    )
    vm_memory_high_watermark: Watermark = setting(  # noqa: RUF009  # it gives a dataclasses.field
        Watermark(share=limits.MEMORY_WATERMARK_SHARE),
        WATERMARK,
        "Publishers are held back while messages take more memory: a share of what there is, 512MB, 2GiB; 0: always.",
    )
    disk_free_limit: int = setting(
        limits.DISK_FREE_MIN_BYTES,
        SIZE,
        "Publishers are held back while the disk of the data directory has less free than this: a size such as 50MB or "
        "2GiB.",
    )
    profile: Profile = setting(  # noqa: RUF009  # it gives a dataclasses.field
        DEFAULT_PROFILE, one_of(PROFILES), "The RabbitMQ version to behave as, and to be taken for by clients."
    )
    users: tuple[User, ...] = setting(
        (User("guest", "guest", ("administrator",)),),
        USERS,
        "Who may log in; naming anybody here leaves out guest.",
        flag="--user",
    )
    loopback_users: tuple[str, ...] = setting(
        ("guest",), NAMES, "The users who may log in from this machine only.", flag="--loopback-user"
    )
    vhost: str = setting("/", TEXT, "The virtual host that is there from the start.", rabbitmq="RABBITMQ_DEFAULT_VHOST")
    heartbeat_s: int = setting(
        limits.HEARTBEAT_S,
        whole_number(0, 65_535, "SECONDS"),
        "The heartbeat offered to clients; 0 is none, and a client may ask for another.",
    )
    frame_max_bytes: int = setting(
        limits.FRAME_MAX_BYTES,
        whole_number(4_096, FRAME_MAX_MAX_BYTES, "BYTES"),
        "The largest frame offered to clients; at least 8192 as RabbitMQ 4.1 and later.",
    )
    channel_max: int = setting(
        limits.CHANNEL_MAX,
        whole_number(1, 65_535, "NUMBER"),
        "The most channels a connection may have open.",
    )
    handshake_timeout_s: float = setting(
        limits.HANDSHAKE_TIMEOUT_S,
        seconds(0.1, 3_600.0),
        "The time a client has from connecting to an open connection.",
    )
    message_size_max_bytes: int = setting(
        0,
        whole_number(0, MESSAGE_SIZE_MAX_BYTES, "BYTES"),
        "The largest message body; 0 is that of the profile: 128 MiB as 3.13, 16 MiB as 4.x.",
    )
    consumer_timeout: int = setting(
        limits.CONSUMER_TIMEOUT_MS,
        whole_number(0, CONSUMER_TIMEOUT_MAX_MS, "MILLISECONDS"),
        "The milliseconds a client may take to acknowledge a message, unless its queue or its consumer says; "
        "0: any time.",
    )
    log_level: str = setting(
        "info",
        one_of({word: word for word in ("debug", "info", "warning", "error")}),
        "The least severe messages to log.",
    )
    log_format: str = setting(
        "text", one_of({word: word for word in ("text", "json")}), "Log as lines of text, or of JSON."
    )
    log_exchange: str = setting(
        "false",
        one_of({word: word for word in ("false", "true", "debug", "info", "warning", "error")}),
        "Publish the log to the exchange amq.rabbitmq.log as well: true as much as is logged, or from this level on.",
    )
    tracing: bool = setting(
        False,
        SWITCH,
        "Copy every message that is published or delivered to the exchange amq.rabbitmq.trace (the firehose).",
    )
    set_header_timestamp: str = setting(
        "false",
        INTERCEPTOR,
        "Write the time of arrival into every message (timestamp, header timestamp_in_ms): keep or overwrite what is "
        "there.",
    )
    set_header_routing_node: str = setting(
        "false",
        INTERCEPTOR,
        "Write the name of this server into every message (header x-routed-by): keep or overwrite what is there.",
    )
    print_port: bool = setting(False, SWITCH, "Print the AMQP port alone as the first line of the output.")
    ready_file: str | None = setting(None, PATH, "A file that holds the AMQP port, there while clients can connect.")
    config_file: str | None = setting(None, PATH, "The configuration file, in YAML.", flag="--config", in_file=False)

    @property
    def log_exchange_level(self) -> str:
        """The least severe messages that go to amq.rabbitmq.log; empty: none does."""
        return {"false": "", "true": self.log_level}.get(self.log_exchange, self.log_exchange)

    def __post_init__(self) -> None:
        """0 stands for the profile's limit; whoever reads the setting gets the number. ConfigError: a contradiction."""
        if not self.message_size_max_bytes:
            object.__setattr__(self, "message_size_max_bytes", self.profile.message_size_max_bytes)
        if self.memory and self.data_dir:
            raise ConfigError(_both_kept("memory and data_dir"))
        if not self.hosts and self.unix_socket is None:
            raise ConfigError("hosts: there is nothing to listen on; name an address, or a unix_socket")
        if self.frame_max_bytes < self.profile.frame_max_min_bytes:
            raise ConfigError(
                f"frame_max_bytes: {self.frame_max_bytes} is less than {self.profile.frame_max_min_bytes}, the least "
                f"in profile {self.profile.name}; give more, or choose profile 3.13"
            )


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table: a field of `Config` and the names it goes by."""

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
        return _as_text(self.default)

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
        case User():
            return f"{value.name}:{value.password}:{','.join(value.tags)}"
        case Profile():
            return value.name
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case Watermark():
            return _as_text(value.share if value.share is not None else value.size_bytes)
    return str(value)


def _setting(field: dataclasses.Field[Any]) -> Setting:
    about = dict(field.metadata)
    flag = about.pop("flag") or "--" + field.name.replace("_", "-")
    environment = "AMQPBROKER_" + field.name.upper()
    return Setting(name=field.name, default=field.default, flag=flag, environment=environment, **about)


SETTINGS: Final = tuple(_setting(field) for field in dataclasses.fields(Config))

# RabbitMQ's variables that make up its first user.
_DEFAULT_USER: Final = ("RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS", "RABBITMQ_DEFAULT_USER_TAGS")
_RABBITMQ_VARIABLES: Final = frozenset(_DEFAULT_USER) | {row.rabbitmq for row in SETTINGS if row.rabbitmq}


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
        raise ConfigError(_both_kept(f"{memory} and {data_dir}"))


def _both_kept(names: str) -> str:
    return f"{names}: messages are kept in one place; leave one of them out"


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
        if variable.startswith("AMQPBROKER_"):
            row = known.get(variable) or _refuse_unknown("the environment", variable, known)
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
        values["users"] = (User(name or "guest", password or "guest", tuple(tag_names)),)
    return values


def _from_file(path: str) -> dict[str, Any]:
    known = {row.name: row for row in SETTINGS if row.in_file}
    values = {}
    for key, value in _read_yaml(path).items():
        row = known.get(key) or _refuse_unknown(path, key, known)
        values[row.name] = row.read(value, f"{path}: {key}")
    _refuse_both_kept(values, f"{path}: memory", "data_dir")
    return values


def _read_yaml(path: str) -> dict[Any, Any]:
    """The file's mapping of settings; an empty file has none."""
    import yaml  # 20 ms that only a start with a file pays

    advice = "write `name: value` lines as in conf/amqpbroker.yml (rabbitmq.conf is not read yet)"
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


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean x?`, for the known word nearest to this one, or which words there are when none is near."""
    import difflib  # only a mistake pays for it

    words = list(known)
    near = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(words)}"


def _refuse_unknown(where: str, name: object, known: Iterable[str]) -> NoReturn:
    raise ConfigError(f"{where}: unknown setting {name}; {nearest(str(name), known)}")
