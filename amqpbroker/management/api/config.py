"""/api/config/effective: every setting as it holds, but for secrets."""

from typing import Any, Final

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.server.config.rows import Setting
from amqpbroker.server.config.settings import SETTINGS

_HIDDEN: Final = "<hidden>"


async def effective(request: ApiRequest) -> dict[str, Any]:
    """What is secret is told to be set, not what it is."""
    config = request.server.config
    return {row.name: _told(row, getattr(config, row.name)) for row in SETTINGS}


def _told(row: Setting, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if row.kind.secret:
        return _HIDDEN
    return [row.text_of(one) for one in value] if isinstance(value, tuple) else row.text_of(value)


RESOURCES = (Resource("/config/effective", {"GET": effective}, administrator),)
