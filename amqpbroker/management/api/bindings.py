"""/api/bindings: what can be done with bindings."""

from amqpbroker.management.access import in_vhost
from amqpbroker.management.api.changing.bindings import delete_binding, post_binding
from amqpbroker.management.resources import Resource

RESOURCES = (
    Resource("/bindings/{vhost}/e/{source}/{dtype}/{destination}", {"POST": post_binding}, in_vhost),
    Resource("/bindings/{vhost}/e/{source}/{dtype}/{destination}/{props}", {"DELETE": delete_binding}, in_vhost),
)
