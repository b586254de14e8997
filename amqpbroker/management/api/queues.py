"""/api/queues: what can be done with queues, and with the messages in them."""

from amqpbroker.management.access import administrator, in_vhost
from amqpbroker.management.api.changing.messages import get_messages, peek_messages
from amqpbroker.management.api.changing.moving import move_messages
from amqpbroker.management.api.changing.queues import delete_queue, post_queue_action, purge_queue, put_queue
from amqpbroker.management.resources import Resource

RESOURCES = (
    Resource("/queues/{vhost}/{queue}", {"PUT": put_queue, "DELETE": delete_queue}, in_vhost),
    Resource("/queues/{vhost}/{queue}/contents", {"DELETE": purge_queue}, in_vhost),
    Resource("/queues/{vhost}/{queue}/get", {"POST": get_messages}, in_vhost),
    Resource("/queues/{vhost}/{queue}/peek", {"POST": peek_messages}, in_vhost),
    Resource("/queues/{vhost}/{queue}/move", {"POST": move_messages}, in_vhost),
    Resource("/queues/{vhost}/{queue}/actions", {"POST": post_queue_action}, administrator),
)
