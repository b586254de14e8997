"""What a setting accepts: numbers, words, sizes, lists, users, from text or from a file's own types."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from hashlib import sha256
from typing import Final, Generic, TypeVar

from amqpbroker.model.access.passwords import SALT_BYTES, hash_password
from amqpbroker.model.access.permissions import check_pattern
from amqpbroker.model.access.users import INSIDER
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.server.machine import parse_size

T = TypeVar("T")

PORT_MAX: Final = 65_535
_SECRET: Final = os.urandom(16)


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


@dataclass(frozen=True, slots=True)
class ConfiguredUser:
    """A user to be there at the start. tags: RabbitMQ's, such as administrator.

    password: as configured; its hash is all that is kept of it.
    permissions: the patterns of what may be configured, written and read in the virtual host of the start.
    only_at_first: only where no user is known yet, as RabbitMQ's default user.
    """

    name: str
    password: InitVar[str]
    tags: tuple[str, ...] = ()
    permissions: tuple[str, str, str] = (".*", ".*", ".*")
    only_at_first: bool = field(default=False, compare=False)
    password_hash: str = field(init=False, repr=False)

    def __post_init__(self, password: str) -> None:
        # The same in this process for the same user: what is configured twice is the same.
        salt = sha256(_SECRET + self.name.encode("utf-8", "surrogateescape")).digest()[:SALT_BYTES]
        octets = password.encode("utf-8", "surrogateescape")
        object.__setattr__(self, "password_hash", hash_password(octets, salt))


def permissions_of(value: object) -> tuple[str, str, str]:
    """The patterns from a mapping with configure, write and read; one that is left out is of everything."""
    if not isinstance(value, Mapping) or not value.keys() <= {"configure", "write", "read"}:
        raise TypeError
    configure, write, read = (value.get(kind, ".*") for kind in ("configure", "write", "read"))
    for pattern in (configure, write, read):
        if not isinstance(pattern, str):
            raise TypeError
        if not is_pattern(pattern):
            raise ValueError
    return configure, write, read


def is_pattern(text: str) -> bool:
    """Whether it may be a permission."""
    try:
        check_pattern(text)
    except InvalidParameterError:
        return False
    return True


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


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value:
        raise ValueError
    return value


def _read_name(value: object) -> str:
    """A name, which may be left out: an empty text is none."""
    return "" if value in (None, "") else read_text(value)


def _read_node_name(value: object) -> str:
    """RabbitMQ's `name@host`, or what stands before the @; an empty text is none."""
    name = _read_name(value)
    if name and not re.fullmatch(r"[\w.-]+(@[\w.:-]+)?", name, re.ASCII):
        raise ValueError
    return name


def read_path(value: object) -> str | None:
    return None if value is None else os.path.expanduser(read_text(value))


def read_list(value: object) -> list[object]:
    """A YAML list, the items of one text, or none at all for the word `none`."""
    if value in ("none", ["none"]):
        return []
    if isinstance(value, str):
        return [*read_text(value).split()]
    if not isinstance(value, list):
        raise TypeError
    return value


def _read_names(value: object) -> tuple[str, ...]:
    return tuple(read_text(item) for item in read_list(value))


def _read_user(value: object) -> ConfiguredUser:
    """`name:password[:tag,tag]`, or a YAML mapping, which alone can hold a password with a colon or a blank."""
    if isinstance(value, str):
        name, password, *tags = value.split(":")
        if len(tags) > 1 or not name:
            raise ValueError
        return ConfiguredUser(name, password, tuple(tag for tag in "".join(tags).split(",") if tag))
    if not isinstance(value, dict) or not value.keys() <= {"name", "password", "tags", "permissions"}:
        raise TypeError
    return ConfiguredUser(
        read_text(value["name"]),
        read_text(value["password"]),
        _read_names(value.get("tags", [])),
        permissions_of(value.get("permissions", {})),
    )


def _read_users(value: object) -> tuple[ConfiguredUser, ...]:
    users = tuple(_read_user(item) for item in read_list(value))
    names = [user.name for user in users]
    if len(set(names)) < len(names) or INSIDER.name in names:
        raise ValueError
    return users


INTERCEPTOR: Final = one_of({word: word for word in ("false", "keep", "overwrite")})
SWITCH: Final = one_of({"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False})
TEXT: Final = Kind("a text that is not empty", "NAME", read_text)
NODE_NAME: Final = Kind("a name as rabbit@host, or what stands before the @", "NAME", _read_node_name)
NAME_OR_NONE: Final = Kind("a text", "NAME", _read_name)
PATH: Final[Kind[str | None]] = Kind("a path", "PATH", read_path)
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
PORT_OR_OFF: Final = whole_number(-1, PORT_MAX, "PORT", " (-1 = off, 0 = any free one)")
