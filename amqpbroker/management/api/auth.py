"""/api/auth: how to log in, who tried to, and what a password is kept as.

Source: RabbitMQ `rabbit_mgmt_wm_auth`, `_auth_attempts`, `_hash_password`.
"""

import os
from typing import Any

from amqpbroker.management.access.authorization import administrator, monitor
from amqpbroker.management.api.nodes import require_node
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.model.access.passwords import SALT_BYTES, hash_password


async def auth(request: ApiRequest) -> dict[str, Any]:
    """There is no single sign-on."""
    return {"oauth_enabled": False, "enable_uaa": False, "uaa_client_id": "", "uaa_location": ""}


async def attempts(request: ApiRequest) -> list[dict[str, Any]]:
    require_node(request)
    return [
        {
            "protocol": protocol,
            "auth_attempts": one.failed + one.succeeded,
            "auth_attempts_failed": one.failed,
            "auth_attempts_succeeded": one.succeeded,
        }
        for protocol, one in sorted(request.broker.attempts.items())
    ]


async def attempts_by_source(request: ApiRequest) -> list[dict[str, Any]]:
    """Where from somebody tried is not kept."""
    require_node(request)
    return []


async def hash_of_path(request: ApiRequest) -> dict[str, str]:
    """As older clients ask: addresses get into logs, passwords should not."""
    return {"ok": _hash(request.part("password"))}


async def hash_of_body(request: ApiRequest) -> dict[str, str]:
    password = (await request.object()).get("password")
    if not isinstance(password, str):
        raise BadRequest("password must be a string")
    return {"ok": _hash(password)}


def _hash(password: str) -> str:
    return hash_password(password.encode("utf-8", "surrogateescape"), os.urandom(SALT_BYTES))


RESOURCES = (
    Resource("/auth", {"GET": auth}, is_for_strangers=True),
    Resource("/auth/attempts/{node}", {"GET": attempts}, monitor),
    Resource("/auth/attempts/{node}/source", {"GET": attempts_by_source}, monitor),
    Resource("/auth/hash_password", {"POST": hash_of_body}, administrator),
    Resource("/auth/hash_password/{password}", {"GET": hash_of_path}, administrator),
)
