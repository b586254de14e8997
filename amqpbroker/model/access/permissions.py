"""What a user may configure, write and read in a virtual host, and under which topics.

A permission is three regular expressions over the names of exchanges and queues; none at all keeps the user out of the
virtual host. A topic permission is two over routing keys, for one exchange; none at all allows every key.

Source: RabbitMQ `rabbit_auth_backend_internal` (check_resource_access, check_topic_access, set_permissions).
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from amqpbroker.model.access.users import INSIDER
from amqpbroker.model.definitions import PERMISSION, TOPIC_PERMISSION, Content
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.policies.backtracking import is_explosive
from amqpbroker.model.policies.validation import (
    PATTERN_MAX_BYTES,
    TAKES_FOR_EVER,
    InvalidParameterError,
    compile_pattern,
)

if TYPE_CHECKING:
    from amqpbroker.model.observing.access_events import AccessEvents
    from amqpbroker.model.ports import Journal

CONFIGURE: Final = "configure"
WRITE: Final = "write"
READ: Final = "read"

_Patterns = dict[str, re.Pattern[bytes]]


@dataclass(frozen=True, slots=True)
class Permission:
    """What a user may do in a virtual host: each a pattern; an empty one allows nothing."""

    user: str
    vhost: str
    configure: str
    write: str
    read: str
    _patterns: _Patterns = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = {CONFIGURE: self.configure, WRITE: self.write, READ: self.read}
        object.__setattr__(self, "_patterns", {kind: _compiled(text) for kind, text in patterns.items()})

    def allows(self, kind: str, name: str) -> bool:
        """Whether this may be done to the exchange or queue of that name. kind: CONFIGURE, WRITE or READ."""
        return _matches(self._patterns[kind], name)


@dataclass(frozen=True, slots=True)
class TopicPermission:
    """Under which routing keys a user may publish to an exchange (write), and bind to it (read).

    `{username}` and `{vhost}` stand for the names of the user and the virtual host, taken literally; RabbitMQ has no
    other variables for clients of AMQP 0-9-1.
    """

    user: str
    vhost: str
    exchange: str
    write: str
    read: str
    _patterns: _Patterns = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = {WRITE: self.write, READ: self.read}
        object.__setattr__(self, "_patterns", {kind: self._expanded(text) for kind, text in patterns.items()})

    def _expanded(self, pattern: str) -> re.Pattern[bytes]:
        # First as it stands: what is no pattern does not become one by what is put in.
        _compiled(pattern)
        for variable, value in (("{username}", self.user), ("{vhost}", self.vhost)):
            pattern = pattern.replace(variable, re.escape(value))
        return _compiled(pattern)

    def allows(self, kind: str, routing_key: str) -> bool:
        """Whether this may be done with the routing key. kind: WRITE or READ."""
        return _matches(self._patterns[kind], routing_key)


class Permissions:
    """The permissions of all users in all virtual hosts.

    changed: called after a change, with the name of the virtual host. journal: where they are recorded; None: nowhere.
    """

    def __init__(self, events: "AccessEvents", changed: Callable[[str], None]) -> None:
        self._changed = changed
        self.journal: Journal | None = None
        self._events = events
        self._by_key: dict[tuple[str, str], Permission] = {}

    def __iter__(self) -> Iterator[Permission]:
        """All of them, by virtual host and user."""
        return (self._by_key[key] for key in sorted(self._by_key))

    def get(self, name: str, vhost: str) -> Permission | None:
        """What a user may in a virtual host; None: not even enter it."""
        found = self._by_key.get((vhost, name))
        if found is None and name == INSIDER.name:
            return Permission(name, vhost, configure=".*", write=".*", read=".*")
        return found

    def of_user(self, name: str) -> list[Permission]:
        """What a user may, by virtual host."""
        return [one for one in self if one.user == name]

    def of_vhost(self, vhost: str) -> list[Permission]:
        """What may be done in a virtual host, by user."""
        return [one for one in self if one.vhost == vhost]

    def add(self, permission: Permission) -> None:
        """Takes in a permission as it is, and records nothing of it."""
        self._by_key[permission.vhost, permission.user] = permission
        self._changed(permission.vhost)

    def set(self, name: str, vhost: str, *, configure: str, write: str, read: str, user: str = INTERNAL_USER) -> bool:
        """Sets what a user may, at the wish of `user`; returns whether nothing was set before.

        Raises InvalidParameterError if one is no regular expression, and nothing has changed.
        """
        for pattern in (configure, write, read):
            check_pattern(pattern)
        if name == INSIDER.name:  # who may do everything, and stands in no list
            return False
        is_new = (vhost, name) not in self._by_key
        permission = Permission(name, vhost, configure, write, read)
        self.add(permission)
        if self.journal is not None:
            self.journal.define(PERMISSION, vhost, name, permission_content(permission))
        self._events.permission_created(permission, user)
        return is_new

    def clear(self, name: str, vhost: str, user: str = INTERNAL_USER) -> bool:
        """The user may nothing there any more; False if that was so before."""
        if self._by_key.pop((vhost, name), None) is None:
            return False
        self._changed(vhost)
        if self.journal is not None:
            self.journal.undefine(PERMISSION, vhost, name)
        self._events.permission_deleted(name, vhost, user)
        return True

    def forget_user(self, name: str) -> None:
        """A user is gone; who goes is told, not what goes along."""
        for vhost, user in [key for key in self._by_key if key[1] == name]:
            del self._by_key[vhost, user]
            self._changed(vhost)
            if self.journal is not None:
                self.journal.undefine(PERMISSION, vhost, user)


class TopicPermissions:
    """The topic permissions of all users in all virtual hosts; changed and journal as in `Permissions`."""

    def __init__(self, events: "AccessEvents", changed: Callable[[str], None]) -> None:
        self._changed = changed
        self.journal: Journal | None = None
        self._events = events
        self._by_key: dict[tuple[str, str, str], TopicPermission] = {}

    def __iter__(self) -> Iterator[TopicPermission]:
        """All of them, by virtual host, user and exchange."""
        return (self._by_key[key] for key in sorted(self._by_key))

    def get(self, name: str, vhost: str, exchange: str) -> TopicPermission | None:
        """What a user may with the routing keys of an exchange; None: everything."""
        return self._by_key.get((vhost, name, exchange))

    def of_user(self, name: str) -> list[TopicPermission]:
        """Those of a user, by virtual host and exchange."""
        return [one for one in self if one.user == name]

    def of_vhost(self, vhost: str) -> list[TopicPermission]:
        """Those in a virtual host, by user and exchange."""
        return [one for one in self if one.vhost == vhost]

    def add(self, permission: TopicPermission) -> None:
        """Takes in a topic permission as it is, and records nothing of it."""
        self._by_key[permission.vhost, permission.user, permission.exchange] = permission
        self._changed(permission.vhost)

    def set(self, name: str, vhost: str, exchange: str, *, write: str, read: str, user: str = INTERNAL_USER) -> bool:
        """Sets the routing keys of a user, at the wish of `user`; returns whether none were set before.

        Raises InvalidParameterError if one is no regular expression, and nothing has changed.
        """
        for pattern in (write, read):
            check_pattern(pattern)
        is_new = (vhost, name, exchange) not in self._by_key
        permission = TopicPermission(name, vhost, exchange, write, read)
        self.add(permission)
        if self.journal is not None:
            content = {"write": write, "read": read}
            self.journal.define(TOPIC_PERMISSION, vhost, topic_permission_name(name, exchange), content)
        self._events.topic_permission_created(permission, user)
        return is_new

    def clear(self, name: str, vhost: str, exchange: str | None = None, user: str = INTERNAL_USER) -> bool:
        """Forgets what is set for an exchange, or (None) for all of them; False if nothing was."""
        keys = [key for key in self._by_key if key[:2] == (vhost, name) and exchange in (None, key[2])]
        self._forget(keys)
        if keys:
            self._events.topic_permission_deleted(name, vhost, user)
        return bool(keys)

    def forget_user(self, name: str) -> None:
        """A user is gone; who goes is told, not what goes along."""
        self._forget([key for key in self._by_key if key[1] == name])

    def _forget(self, keys: list[tuple[str, str, str]]) -> None:
        for vhost, user, exchange in keys:
            del self._by_key[vhost, user, exchange]
            self._changed(vhost)
            if self.journal is not None:
                self.journal.undefine(TOPIC_PERMISSION, vhost, topic_permission_name(user, exchange))


def permission_content(permission: Permission) -> Content:
    """What is allowed, by the names that RabbitMQ's definitions have."""
    return {CONFIGURE: permission.configure, WRITE: permission.write, READ: permission.read}


def topic_permission_name(user: str, exchange: str) -> str:
    """A topic permission is known by its user and its exchange."""
    return json.dumps([user, exchange])


def check_pattern(pattern: str) -> None:
    """Whether it can be a permission. Raises InvalidParameterError."""
    if len(pattern.encode("utf-8", "surrogateescape")) > PATTERN_MAX_BYTES:
        raise InvalidParameterError(f"a regular expression must not exceed {PATTERN_MAX_BYTES} bytes")
    try:
        compiled = compile_pattern(pattern)
    except re.error as error:
        raise InvalidParameterError(f"invalid regular expression '{pattern}': {error}") from error
    if is_explosive(compiled):
        raise InvalidParameterError(f"regular expression '{pattern}' {TAKES_FOR_EVER}")


def _compiled(pattern: str) -> re.Pattern[bytes]:
    return compile_pattern(pattern or "^$")


def _matches(pattern: re.Pattern[bytes], name: str) -> bool:
    return pattern.search(name.encode("utf-8", "surrogateescape")) is not None
