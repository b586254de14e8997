"""/api/whoami: who asks. Source: RabbitMQ `rabbit_mgmt_wm_whoami`."""

from typing import Any

from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource


async def whoami(request: ApiRequest) -> dict[str, Any]:
    return {"name": request.user.name, "tags": list(request.user.tags)}


RESOURCES = (Resource("/whoami", {"GET": whoami}),)
