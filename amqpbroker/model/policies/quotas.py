"""How many connections and channels there are, of each user and virtual host, and how many there may be.

Source: RabbitMQ `rabbit_reader` (handle_method0 of connection.open, create_channel), `rabbit_vhost_limit`,
`rabbit_auth_backend_internal` (set_user_limits, is_over_limit) at the tags 3.10.8, 4.2.9 and 4.3.5.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.errors import NOT_ALLOWED, AMQPError
from amqpbroker.model.definitions import USER_LIMITS
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.policies.parameters import MAX_CONNECTIONS
from amqpbroker.model.policies.validation import Constraint, InvalidParameterError, integer, object_errors
from amqpbroker.profiles import Profile

if TYPE_CHECKING:
    from amqpbroker.model.observing.access_events import AccessEvents
    from amqpbroker.model.ports import Journal
    from amqpbroker.model.vhost import VirtualHost

MAX_CHANNELS: Final = "max-channels"
_LIMITS: Final = (Constraint(MAX_CONNECTIONS, integer), Constraint(MAX_CHANNELS, integer))


class Quotas:
    """The counts, and the limits of users; those of a virtual host are among its parameters.

    connections_in: by virtual host; connections_of, channels_of: by user. journal: where limits are recorded. events:
    who is told of them.
    """

    def __init__(self, profile: Profile, events: "AccessEvents | None" = None) -> None:
        self._profile = profile
        self._events = events
        self.journal: Journal | None = None
        self.connections_in: Counter[str] = Counter()
        self.connections_of: Counter[str] = Counter()
        self.channels_of: Counter[str] = Counter()
        self._user_limits: dict[str, dict[str, int]] = {}

    # Who is there

    def check_connection(self, vhost: "VirtualHost", user: str) -> None:
        """Raises 530 if there are as many connections as there may be."""
        limit = vhost.parameters.limit(MAX_CONNECTIONS)
        if limit is not None and self.connections_in[vhost.name] >= limit:
            raise AMQPError(
                NOT_ALLOWED,
                f"access to vhost '{vhost.name}' refused for user '{user}': connection limit ({limit}) is reached",
            )
        limit = self._limit(user, MAX_CONNECTIONS)
        if limit is not None and self.connections_of[user] >= limit:
            text = f"connection refused for user '{user}': user connection limit ({limit}) is reached"
            raise AMQPError(NOT_ALLOWED, text)

    def open_connection(self, vhost: "VirtualHost", user: str) -> None:
        """Counts a new connection."""
        self.connections_in[vhost.name] += 1
        self.connections_of[user] += 1

    def close_connection(self, vhost: "VirtualHost", user: str) -> None:
        """A connection is no more."""
        _count_down(self.connections_in, vhost.name)
        _count_down(self.connections_of, user)

    def open_channel(self, user: str) -> None:
        """Counts a new channel. Raises 530, which is the connection's end, if there are as many as there may be."""
        limit = self._limit(user, MAX_CHANNELS)
        if limit is not None and self.channels_of[user] >= limit:
            shown = f"({limit})" if self._profile.series < (4, 0) else str(limit)
            raise AMQPError(
                NOT_ALLOWED,
                f"number of channels opened for user '{user}' has reached the maximum allowed user limit of {shown}",
                (0, 0),
            )
        self.channels_of[user] += 1

    def close_channel(self, user: str) -> None:
        """A channel is no more."""
        _count_down(self.channels_of, user)

    # Limits of users

    def user_limits(self) -> Mapping[str, Mapping[str, int]]:
        """All limits that are set, by user."""
        return self._user_limits

    def set_user_limits(self, user: str, limits: Any, *, acting_user: str = INTERNAL_USER) -> None:
        """Sets limits of a user, and leaves those that are not named; below 0: no limit. Raises InvalidParameterError.

        limits: number by MAX_CONNECTIONS and MAX_CHANNELS. acting_user: at whose wish.
        """
        check_user_limits(limits)
        self._change(user, {**self._user_limits.get(user, {}), **limits})
        if self._events is not None:
            self._events.user_limits_set(user, limits, acting_user)

    def clear_user_limit(self, user: str, name: str, *, acting_user: str = INTERNAL_USER) -> None:
        """Forgets a limit of a user, or all of them (`all`), at the wish of acting_user."""
        limits = self._user_limits.get(user, {})
        self._change(user, {key: limit for key, limit in limits.items() if name not in (key, "all")})
        if self._events is not None:
            self._events.user_limits_cleared(user, acting_user)

    def add_user_limits(self, user: str, limits: Mapping[str, int]) -> None:
        """Takes in limits as they are, and records nothing of them."""
        self._user_limits[user] = dict(limits)

    def forget_user(self, user: str) -> None:
        """A user is gone."""
        if user in self._user_limits:
            self._change(user, {})

    def _change(self, user: str, limits: dict[str, int]) -> None:
        if limits:
            self._user_limits[user] = limits
        else:
            self._user_limits.pop(user, None)
        if self.journal is None:
            return
        if limits:
            self.journal.define(USER_LIMITS, "", user, limits)
        else:
            self.journal.undefine(USER_LIMITS, "", user)

    def _limit(self, user: str, name: str) -> int | None:
        limit = self._user_limits.get(user, {}).get(name, -1)
        return limit if limit >= 0 else None


def check_user_limits(limits: Any) -> None:
    """Whether a user can have these limits. Raises InvalidParameterError."""
    if errors := object_errors("user-limits", _LIMITS, limits):
        raise InvalidParameterError(errors[0])


def _count_down(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
