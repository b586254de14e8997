"""Users: who may log in, and from where.

Source: RabbitMQ `rabbit_auth_backend_internal`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from amqpbroker.model.access.passwords import (
    ALGORITHMS,
    SALT_BYTES,
    SHA256,
    hash_password,
    is_hash,
    is_password,
)
from amqpbroker.model.definitions import USER, Content
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.policies.validation import InvalidParameterError

if TYPE_CHECKING:
    from amqpbroker.model.observing.access_events import AccessEvents
    from amqpbroker.model.ports import Journal


@dataclass(frozen=True, slots=True)
class User:
    """password_hash: see `passwords`; empty: nobody can log in with a password. tags: such as administrator."""

    name: str
    password_hash: str = field(default="", repr=False)
    hashing_algorithm: str = SHA256
    tags: tuple[str, ...] = ()


class LoginRefused(Exception):
    """Somebody may not log in. reason: for the log; whoever it is hears nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Programs of the broker's own user on its machine: they may do everything. The name is what RabbitMQ's have in events;
# nobody logs in by it, and nobody else bears it.
INSIDER: Final = User("rmq-cli", tags=("administrator",))
# Stands for whoever is not there, so that to find that out takes the same work.
_NOBODY = User("", hash_password(b"", bytes(SALT_BYTES)))


class Users:
    """The users by name.

    loopback_only: names that may log in from this machine alone. journal: where users are recorded; None: nowhere.
    """

    def __init__(self, users: Iterable[User] = (), loopback_only: frozenset[str] = frozenset({"guest"})) -> None:
        self.journal: Journal | None = None
        self._by_name = {user.name: user for user in users}
        self._loopback_only = loopback_only
        self._events: AccessEvents
        self._random_bytes: Callable[[int], bytes]

    def serve(self, events: "AccessEvents", random_bytes: Callable[[int], bytes]) -> None:
        """They are a broker's, which is told of changes. random_bytes: where salt comes from."""
        self._events = events
        self._random_bytes = random_bytes

    def __iter__(self) -> Iterator[User]:
        """All of them, by name."""
        return iter(sorted(self._by_name.values(), key=lambda user: user.name))

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def get(self, name: str) -> User | None:
        """The user of that name."""
        return self._by_name.get(name)

    # Logging in

    def authenticate(self, name: str, password: bytes) -> User | None:
        """The user with that name and password, or None; an unknown name takes the same work as a known one."""
        user = self._by_name.get(name, _NOBODY)
        is_right = is_password(password, user.password_hash, user.hashing_algorithm)
        return user if is_right and user is not _NOBODY else None

    def may_connect(self, user: User, from_loopback: bool) -> bool:
        """Whether a user may log in from where the peer is; by the address of the peer, never the listener's."""
        return from_loopback or user.name not in self._loopback_only

    # Changes

    def add(self, user: User) -> None:
        """Takes in a user as they are, and records nothing of them."""
        self._by_name[user.name] = user

    def set(
        self,
        name: str,
        *,
        password: str | None = None,
        password_hash: str = "",
        hashing_algorithm: str = SHA256,
        tags: Sequence[str] = (),
        user: str = INTERNAL_USER,
    ) -> bool:
        """Makes a user, or changes one; returns whether there was none. Raises InvalidParameterError.

        password: in plain text, which is hashed here and kept nowhere; without one, password_hash and
        hashing_algorithm count. user: at whose wish.
        """
        if name == INSIDER.name:
            raise InvalidParameterError(f"{name} is the name of the broker's own programs; choose another one")
        check_hash(password_hash, hashing_algorithm)
        if password is not None:
            octets = password.encode("utf-8", "surrogateescape")
            hashing_algorithm = SHA256
            password_hash = hash_password(octets, self._random_bytes(SALT_BYTES))
        changed = User(name, password_hash, hashing_algorithm, tuple(tags))
        former = self._by_name.get(name)
        self._by_name[name] = changed
        if self.journal is not None:
            self.journal.define(USER, "", name, user_content(changed))
        self._tell(former, changed, user)
        return former is None

    def _tell(self, former: User | None, changed: User, user: str) -> None:
        name = changed.name
        if former is None:
            self._events.user_changed("created", name, user)
        elif former.password_hash != changed.password_hash:
            self._events.user_changed("password.changed" if changed.password_hash else "password.cleared", name, user)
        if former is not None or changed.tags:
            self._events.user_tags_set(name, changed.tags, user)

    def remove(self, name: str, user: str = INTERNAL_USER) -> None:
        """Forgets a user, and nothing that is the user's: `Broker.delete_user` does."""
        del self._by_name[name]
        if self.journal is not None:
            self.journal.undefine(USER, "", name)
        self._events.user_changed("deleted", name, user)


def check_hash(password_hash: str, hashing_algorithm: str) -> None:
    """Whether a user can have this hash. Raises InvalidParameterError."""
    if hashing_algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise InvalidParameterError(f"hashing_algorithm {hashing_algorithm} is not known; known are {known}")
    if not is_hash(password_hash):
        raise InvalidParameterError("password_hash is not base64")


def user_content(user: User) -> Content:
    """All of a user but the name, under the names that RabbitMQ's definitions have."""
    return {
        "password_hash": user.password_hash,
        "hashing_algorithm": user.hashing_algorithm,
        "tags": list(user.tags),
    }


def user_of(name: str, content: Content) -> User:
    """The user again."""
    return User(name, content["password_hash"], content["hashing_algorithm"], tuple(content["tags"]))
