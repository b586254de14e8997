"""Who may use a resource of the API, by the tags of users and their permissions in virtual hosts.

Source: RabbitMQ `rabbit_web_dispatch_access_control` (is_authorized_admin, _monitor, _vhost, _vhost_visible,
_policies), `rabbit_mgmt_util` (filter_vhost).
"""

from collections.abc import Callable, Iterable
from typing import Final

from amqpbroker.management.errors import NotAuthorised
from amqpbroker.management.requests import ApiRequest
from amqpbroker.model.access import User
from amqpbroker.model.broker import Broker
from amqpbroker.model.vhost import VirtualHost

# Raises 401 unless the user may.
Access = Callable[[ApiRequest], None]

MONITORS: Final = ("administrator", "monitoring")


def anybody(request: ApiRequest) -> None:
    """Whoever may use the management interface."""


def administrator(request: ApiRequest) -> None:
    """Administrators."""
    _require(request.user, ("administrator",), "Not administrator user")


def monitor(request: ApiRequest) -> None:
    """Administrators and those who watch."""
    _require(request.user, MONITORS, "Not monitor user")


def in_vhost(request: ApiRequest) -> None:
    """Who may use the virtual host of the path, and administrators: what they do there may still be refused."""
    if not _names_vhost(request) or has_tag(request.user, ("administrator",)):
        return
    if not may_use(request.user, request.part("vhost"), request.broker):
        raise NotAuthorised("User not authorised to access virtual host")


def sees_vhost(request: ApiRequest) -> None:
    """Who may use the virtual host of the path, and who watches all."""
    if not has_tag(request.user, MONITORS):
        in_vhost(request)


def policymaker(request: ApiRequest) -> None:
    """Who sets policies, in the virtual hosts that he may use, and administrators."""
    if has_tag(request.user, ("administrator",)):
        return
    is_kept_out = _names_vhost(request) and not may_use(request.user, request.part("vhost"), request.broker)
    if is_kept_out or not has_tag(request.user, ("policymaker",)):
        raise NotAuthorised("User not authorised to access object")


def has_tag(user: User, tags: Iterable[str]) -> bool:
    """Whether a user has one of the tags."""
    return not set(tags).isdisjoint(user.tags)


def may_use(user: User, vhost: str, broker: Broker) -> bool:
    """Whether a user has any permission in a virtual host."""
    return broker.permissions.get(user.name, vhost) is not None


def used_vhosts(user: User, broker: Broker) -> list[VirtualHost]:
    """The virtual hosts of which a user is shown what is in them; administrators are shown all."""
    sees_all = has_tag(user, ("administrator",))
    return [vhost for name, vhost in sorted(broker.vhosts.items()) if sees_all or may_use(user, name, broker)]


def vhosts_shown(request: ApiRequest) -> list[VirtualHost]:
    """The virtual host that the path names; without one, all of which the user is shown what is in them. Raises 404."""
    return [request.vhost] if request.has("vhost") else used_vhosts(request.user, request.broker)


def visible_vhosts(user: User, broker: Broker) -> list[str]:
    """The virtual hosts that a user knows of, sorted: those who watch know of all."""
    sees_all = has_tag(user, MONITORS)
    return [name for name in sorted(broker.vhosts) if sees_all or may_use(user, name, broker)]


def _require(user: User, tags: Iterable[str], reason: str) -> None:
    if not has_tag(user, tags):
        raise NotAuthorised(reason)


def _names_vhost(request: ApiRequest) -> bool:
    """A virtual host that is not there is not found, whoever asks."""
    return request.has("vhost") and request.part("vhost") in request.broker.vhosts
