"""Who asks: a name and a password with every request, as all of RabbitMQ's tools send them.

A browser brings the cookie of its session instead: see `sessions`; the broker's own user a token: see `local_login`.

Source: RabbitMQ `rabbit_mgmt_util:is_authorized`.
"""

import base64
import binascii
import logging
import secrets
from collections.abc import Mapping
from typing import Final

from amqpbroker.management.errors import NotAuthenticated, NotAuthorised
from amqpbroker.model.access import LoginRefused, User, Users
from amqpbroker.model.access.users import INSIDER
from amqpbroker.model.broker import Broker
from amqpbroker.server.listening import ip_address

logger = logging.getLogger("amqpbroker.management")

# What attempts to log in are counted under.
_PROTOCOL: Final = "http"

# Who has one of these may look at the management interface at all.
MANAGEMENT_TAGS: Final = frozenset({"administrator", "monitoring", "policymaker", "management"})


def authenticate(headers: Mapping[str, str], peer: str | None, broker: Broker) -> User:
    """The user who asks. peer: the address the request came from; None: a unix socket. Raises 401.

    headers: of the request, by their names in small letters.
    """
    return log_in(*_basic_credentials(headers.get("authorization", "")), peer, broker)


def of_token(authorization: str, peer: str | None, token: str) -> User | None:
    """Who shows the token that this run of the broker has left for its own user, on the same machine; None: no token.

    token: an empty one is nobody's. Raises 401.
    """
    scheme, _, shown = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    is_right = token and secrets.compare_digest(shown.strip().encode(), token.encode())
    if not is_right or not _is_loopback(peer):
        raise NotAuthenticated("Login failed")
    return INSIDER


def log_in(name: str, password: bytes, peer: str | None, broker: Broker) -> User:
    """The user with that name and password, if they may come in. Raises 401."""
    try:
        user = admitted(broker.log_in(name, password, peer or ""), peer, broker.users)
    except LoginRefused as refused:
        broker.has_tried_to_log_in(_PROTOCOL, succeeded=False)
        logger.warning("HTTP access denied: %s", refused.reason)
        raise NotAuthenticated("Login failed") from refused
    except NotAuthenticated:
        broker.has_tried_to_log_in(_PROTOCOL, succeeded=False)
        raise
    broker.has_tried_to_log_in(_PROTOCOL, succeeded=True)
    return user


def admitted(user: User, peer: str | None, users: Users) -> User:
    """The same user, known to be themselves, if they may use the management interface from there. Raises 401."""
    if not users.may_connect(user, _is_loopback(peer)):
        raise NotAuthenticated("User can only log in via localhost")
    if MANAGEMENT_TAGS.isdisjoint(user.tags):
        raise NotAuthorised("Not management user")
    return user


def _basic_credentials(authorization: str) -> tuple[str, bytes]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthenticated
    try:
        name, colon, password = base64.b64decode(credentials.strip(), validate=True).partition(b":")
    except binascii.Error:
        raise NotAuthenticated("Login failed") from None
    if not colon:
        raise NotAuthenticated("Login failed")
    return name.decode("utf-8", "surrogateescape"), password


def _is_loopback(peer: str | None) -> bool:
    return peer is None or ip_address(peer).is_loopback
