"""/api/exchanges: what can be done with exchanges."""

from amqpbroker.management.access import in_vhost
from amqpbroker.management.api.changing.exchanges import delete_exchange, put_exchange
from amqpbroker.management.api.changing.publishing import publish
from amqpbroker.management.resources import Resource

RESOURCES = (
    Resource("/exchanges/{vhost}/{exchange}", {"PUT": put_exchange, "DELETE": delete_exchange}, in_vhost),
    Resource("/exchanges/{vhost}/{exchange}/publish", {"POST": publish}, in_vhost),
)
