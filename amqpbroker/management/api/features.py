"""/api/extensions, /api/feature-flags, /api/deprecated-features: what clients look at before they use it.

Source: RabbitMQ `rabbit_mgmt_wm_extensions`, `_feature_flags`, `_deprecated_features`, `rabbit_core_ff`.
"""

from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, empty_response

# Of RabbitMQ 3.8 to 4.2, those that say what clients may expect; all are on, and none can be off.
_FLAGS: Final = {
    "classic_mirrored_queue_version": "Support setting version for classic mirrored queues",
    "classic_queue_type_delivery_support": "Bug fix for classic queue deliveries using mixed versions",
    "detailed_queues_endpoint": "Add a detailed queues HTTP API endpoint",
    "direct_exchange_routing_v2": "v2 direct exchange routing implementation",
    "drop_unroutable_metric": "Count unroutable publishes to be dropped in stats",
    "empty_basic_get_metric": "Count AMQP `basic.get` on empty queues in stats",
    "feature_flags_v2": "Feature flags subsystem V2",
    "implicit_default_bindings": "Default bindings are now implicit, instead of being stored in the database",
    "listener_records_in_ets": "Store listener records in ETS instead of Mnesia",
    "maintenance_mode_status": "Maintenance mode status",
    "message_containers": "Message containers.",
    "quorum_queue": "Support queues of type `quorum`",
    "stream_filtering": "Support for stream filtering.",
    "stream_queue": "Support queues of type `stream`",
    "stream_single_active_consumer": "Single active consumer for streams",
    "tracking_records_in_ets": "Store tracking records in ETS instead of Mnesia",
    "user_limits": "Configure connection and channel limits for a user",
    "virtual_host_metadata": "Virtual host metadata (description, tags, etc)",
}


async def extensions(request: ApiRequest) -> list[dict[str, str]]:
    scripts = ["dispatcher.js", *(["testing.js"] if request.server.config.test_api else [])]
    return [{"javascript": script} for script in scripts]


async def feature_flags(request: ApiRequest) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "desc": description,
            "doc_url": "",
            "state": "enabled",
            "stability": "stable",
            "provided_by": "rabbit",
        }
        for name, description in _FLAGS.items()
    ]


async def enable_feature_flag(request: ApiRequest) -> Response:
    """All of them are on."""
    await request.object()
    if request.part("name") not in _FLAGS:
        raise BadRequest("unsupported")
    return empty_response()


async def deprecated_features(request: ApiRequest) -> list[dict[str, Any]]:
    """None is on its way out here: what is refused is refused by the profile."""
    return []


RESOURCES = (
    Resource("/extensions", {"GET": extensions}),
    Resource("/feature-flags", {"GET": feature_flags}, administrator),
    Resource("/feature-flags/{name}/enable", {"PUT": enable_feature_flag}, administrator),
    Resource("/deprecated-features", {"GET": deprecated_features}, administrator),
    Resource("/deprecated-features/used", {"GET": deprecated_features}, administrator),
)
