"""Users: who may log in, and from where."""

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class User:
    """password: as given in the configuration; it never leaves this room. tags: RabbitMQ's, such as administrator."""

    name: str
    password: str = field(repr=False)
    tags: tuple[str, ...] = ()


class Users:
    """The users by name. loopback_only: names that may log in from this machine alone."""

    def __init__(self, users: list[User], loopback_only: frozenset[str] = frozenset({"guest"})) -> None:
        self._by_name = {user.name: user for user in users}
        self._loopback_only = loopback_only

    def authenticate(self, name: str, password: bytes) -> User | None:
        """The user with that name and password, or None; an unknown name takes the same work as a known one."""
        user = self._by_name.get(name)
        expected = user.password if user else ""
        equal = hmac.compare_digest(expected.encode("utf-8", "surrogateescape"), password)
        return user if user is not None and equal else None

    def may_connect(self, user: User, from_loopback: bool) -> bool:
        """Whether a user may log in from where the peer is; by the address of the peer, never the listener's."""
        return from_loopback or user.name not in self._loopback_only
