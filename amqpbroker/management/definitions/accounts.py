"""Users, virtual hosts and who may do what, out of a document into a plan.

Source: RabbitMQ `rabbit_auth_backend_internal:put_user`, `rabbit_definitions:add_vhost`.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from amqpbroker.management.definitions.document import Entry
from amqpbroker.management.definitions.plan import Plan, PlannedVhost
from amqpbroker.model.access.passwords import MD5, SHA256
from amqpbroker.model.access.permissions import check_pattern
from amqpbroker.model.access.users import check_hash
from amqpbroker.model.policies.quotas import check_user_limits
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.model.vhost import check_queue_type

# Before 3.6 no document said how its passwords were hashed.
_BEFORE_ALGORITHMS: Final = re.compile(r"3\.[0-5]\.")


def plan_user(plan: Plan, entry: Entry, version: str) -> None:
    """A user with a password, or the hash of one. version: of the RabbitMQ that the document comes from."""
    name = entry.name()
    if "password" in entry and "password_hash" in entry:
        raise entry.wrong("password", "both_password_and_password_hash_are_provided")
    if "tags" not in entry:
        raise entry.wrong("tags", "tags_not_present")
    secret: dict[str, Any] = {}
    if "password" in entry:
        secret["password"] = entry.text("password")
    elif "password_hash" in entry:
        secret["password_hash"] = entry.text("password_hash")
        usual = MD5 if _BEFORE_ALGORITHMS.match(version) else SHA256
        secret["hashing_algorithm"] = entry.text("hashing_algorithm", usual)
        try:
            check_hash(secret["password_hash"], secret["hashing_algorithm"])
        except InvalidParameterError as error:
            raise entry.refused(error) from None
    limits = entry.object("limits").values if "limits" in entry else None
    if limits:
        try:
            check_user_limits(limits)
        except InvalidParameterError as error:
            raise entry.refused(error) from None
    plan.users.add(name)
    plan.then(partial(_set_user, plan, name, entry.texts("tags"), secret))
    if limits is not None:
        plan.then(partial(_set_user_limits, plan, name, limits))


def _set_user(plan: Plan, name: str, tags: tuple[str, ...], secret: dict[str, Any]) -> None:
    """A user who is so already stays as recorded."""
    users = plan.broker.users
    known = users.get(name)
    if known is not None and known.tags == tags:
        if "password" in secret:
            octets = secret["password"].encode("utf-8", "surrogateescape")
            if users.authenticate(name, octets) is not None:
                return
        elif known.password_hash == secret.get("password_hash", "") and (
            known.hashing_algorithm == secret.get("hashing_algorithm", known.hashing_algorithm)
        ):
            return
    users.set(name, tags=tags, user=plan.user, **secret)


def _set_user_limits(plan: Plan, name: str, limits: Mapping[str, int]) -> None:
    """These and no others."""
    quotas = plan.broker.quotas
    if quotas.user_limits().get(name, {}) == limits:
        return
    quotas.clear_user_limit(name, "all", acting_user=plan.user)
    if limits:
        quotas.set_user_limits(name, limits, acting_user=plan.user)


def plan_vhost(plan: Plan, entry: Entry) -> None:
    """A virtual host, with what is said of it; 4.x says it in `metadata`, 3.x beside its name."""
    name = entry.name()
    metadata = entry.object("metadata")
    said: dict[str, Any] = {}
    for source in (metadata, entry):
        if "description" in source:
            said["description"] = source.text("description")
        if "tags" in source:
            said["tags"] = source.texts("tags")
        if "default_queue_type" in source:
            kind = source.text("default_queue_type")
            said["default_queue_type"] = None if kind == "undefined" else kind
    try:
        check_queue_type(said.get("default_queue_type"))
    except InvalidParameterError as error:
        raise entry.refused(error) from None
    tracing = entry.flag("tracing", False) if "tracing" in entry else None
    planned = plan.vhosts.setdefault(name, PlannedVhost(plan.broker, name))
    planned.default_queue_type = said.get("default_queue_type", planned.default_queue_type)
    plan.then(partial(_set_vhost, plan, name, said, tracing))


def _set_vhost(plan: Plan, name: str, said: dict[str, Any], tracing: bool | None) -> None:
    """A new one is open to whoever makes it, as in RabbitMQ."""
    host = plan.broker.vhosts.get(name)
    if host is None:
        plan.broker.create_vhost(name, tracing=bool(tracing), user=plan.user, **said)
        if plan.user in plan.broker.users:
            plan.broker.permissions.set(plan.user, name, configure=".*", write=".*", read=".*", user=plan.user)
        return
    known = {key: getattr(host, key) for key in ("description", "tags", "default_queue_type")}
    if known | said != known:
        host.set_metadata(**(known | said), user=plan.user)
    if tracing is not None:
        plan.broker.trace(host, tracing)


def plan_permission(plan: Plan, entry: Entry) -> None:
    """What a user may configure, write and read in a virtual host."""
    user, vhost = _whose(plan, entry)
    patterns = {kind: _pattern(entry, kind) for kind in ("configure", "write", "read")}
    permissions = plan.broker.permissions

    def step() -> None:
        known = permissions.get(user, vhost)
        if known is None or any(getattr(known, kind) != pattern for kind, pattern in patterns.items()):
            permissions.set(user, vhost, **patterns, user=plan.user)

    plan.then(step)


def plan_topic_permission(plan: Plan, entry: Entry) -> None:
    """Under which routing keys a user may publish to an exchange and bind to it."""
    user, vhost = _whose(plan, entry)
    exchange = entry.name("exchange")
    patterns = {kind: _pattern(entry, kind) for kind in ("write", "read")}
    permissions = plan.broker.topic_permissions

    def step() -> None:
        known = permissions.get(user, vhost, exchange)
        if known is None or any(getattr(known, kind) != pattern for kind, pattern in patterns.items()):
            permissions.set(user, vhost, exchange, **patterns, user=plan.user)

    plan.then(step)


def _whose(plan: Plan, entry: Entry) -> tuple[str, str]:
    user, vhost = entry.text("user"), plan.vhost_of(entry).name
    if user not in plan.users:
        raise entry.wrong("user", f"no_such_user: {user}")
    return user, vhost


def _pattern(entry: Entry, kind: str) -> str:
    pattern = entry.text(kind)
    try:
        check_pattern(pattern)
    except InvalidParameterError as error:
        raise entry.wrong(kind, error.reason) from None
    return pattern
