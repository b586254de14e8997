"""What happens to users, virtual hosts and permissions: told as events, and logged with who did it.

Source: RabbitMQ's `rabbit_auth_backend_internal` and `rabbit_vhost`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.wire import erlang

if TYPE_CHECKING:
    from amqpbroker.model.access.permissions import Permission, TopicPermission
    from amqpbroker.model.vhost import VirtualHost

logger = logging.getLogger("amqpbroker.access")

# The user is named anyway, the rest is the same every time or said twice.
_NOT_LOGGED: Final = frozenset({"user_who_performed_action", "cluster_state", "metadata"})


class AccessEvents:
    """tell: `Events.tell`. user, in what is called: at whose wish it happened."""

    def __init__(self, tell: Callable[[str, Mapping[str, object]], None], node_name: str) -> None:
        self._tell = tell
        self._node_name = node_name

    def vhost_told(self, what: str, vhost: "VirtualHost", user: str) -> None:
        """A virtual host is there, or is described anew. what: created or updated."""
        self._tell_change(
            f"vhost.{what}",
            {
                "tags": vhost.tags,
                "description": vhost.description,
                "user_who_performed_action": user,
                "cluster_state": {self._node_name: "running"},
                "tracing": vhost.firehose is not None,
                "metadata": _metadata(vhost),
                "default_queue_type": vhost.default_queue_type or "undefined",
                "name": vhost.name,
            },
        )

    def vhost_deleted(self, name: str, user: str) -> None:
        """A virtual host is no more."""
        self._tell_change("vhost.deleted", {"user_who_performed_action": user, "name": name})

    def user_changed(self, what: str, name: str, user: str) -> None:
        """A user was created or deleted, or the password was changed or cleared. what: such as password.changed."""
        self._tell_change(f"user.{what}", {"user_who_performed_action": user, "name": name})

    def user_tags_set(self, name: str, tags: Sequence[str], user: str) -> None:
        """A user has these tags."""
        self._tell_change("user.tags.set", {"user_who_performed_action": user, "tags": tags, "name": name})

    def permission_created(self, permission: "Permission", user: str) -> None:
        """A user has these permissions, whether there were any before or not."""
        patterns = {"read": permission.read, "write": permission.write, "configure": permission.configure}
        about = {"vhost": permission.vhost, "user": permission.user}
        self._tell_change("permission.created", {"user_who_performed_action": user, **patterns, **about})

    def permission_deleted(self, name: str, vhost: str, user: str) -> None:
        """A user has no permissions any more."""
        self._tell_change("permission.deleted", {"user_who_performed_action": user, "vhost": vhost, "user": name})

    def topic_permission_created(self, permission: "TopicPermission", user: str) -> None:
        """A user has these topic permissions, whether there were any before or not."""
        patterns = {"read": permission.read, "write": permission.write, "exchange": permission.exchange}
        about = {"vhost": permission.vhost, "user": permission.user}
        self._tell_change("topic.permission.created", {"user_who_performed_action": user, **patterns, **about})

    def topic_permission_deleted(self, name: str, vhost: str, user: str) -> None:
        """A user has no topic permissions any more, for an exchange or for all."""
        self._tell_change("topic.permission.deleted", {"user_who_performed_action": user, "vhost": vhost, "user": name})

    def user_limits_set(self, name: str, limits: Mapping[str, int], user: str) -> None:
        """These limits of a user are set; others are as they were."""
        self._tell_change(
            "user.limits.set", {**limits, "username": name, "user_who_performed_action": user, "name": "limits"}
        )

    def user_limits_cleared(self, name: str, user: str) -> None:
        """A user has one limit less. RabbitMQ does not say which."""
        about = {"username": name, "user_who_performed_action": user, "name": "limits"}
        self._tell_change("user.limits.cleared", about)

    def _tell_change(self, kind: str, values: Mapping[str, object]) -> None:
        """Who has changed what is logged, too, in the words of the event; what the broker itself does is not."""
        user = values["user_who_performed_action"]
        if user != INTERNAL_USER:
            said = {name: value for name, value in values.items() if name not in _NOT_LOGGED}
            logger.info("%s by user '%s': %s", kind, user, ", ".join(f"{name} {said[name]!r}" for name in said))
        self._tell(kind, values)


def _metadata(vhost: "VirtualHost") -> str:
    """What is said of a virtual host, as Erlang prints a map; tags are atoms there."""
    default = f"default_queue_type => {erlang.json_term(vhost.default_queue_type)}," if vhost.default_queue_type else ""
    description = f"description => {erlang.json_term(vhost.description)}"
    return f"#{{{default}{description},tags => [{','.join(vhost.tags)}]}}"
