"""/api/aliveness-test: a message goes through a queue of its own. Source: RabbitMQ `rabbit_mgmt_wm_aliveness_test`.

The queue stays, as it does there: who asks every few seconds makes no new one each time. An alarm is no reason to fail.
"""

from typing import Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import in_vhost
from amqpbroker.management.direct import DirectChannel
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, json_response
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.properties import Properties

QUEUE: Final = "aliveness-test"
_BODY: Final = b"test_message"
_FAILED: Final = 503
# Somebody else's messages may wait there; of these so many are taken off before it is given up.
_GETS_MAX: Final = 100


async def aliveness_test(request: ApiRequest) -> Response:
    channel = DirectChannel(request)
    # Since 4.3 a queue that several use has to be durable.
    durable = request.broker.profile.series >= (4, 3)
    if QUEUE not in request.vhost.queues:
        channel.do(Queue.Declare(queue=QUEUE, durable=durable, nowait=True))
    channel.authorize_publish("", (QUEUE,))
    request.vhost.publish_from_server("", QUEUE, Properties(), _BODY)
    channel.get(QUEUE, _GETS_MAX, no_ack=True)
    await request.recorded()
    if any(isinstance(answer.method, Basic.GetOk) and answer.body == _BODY for answer in channel.answers()):
        return json_response({"status": "ok"})
    return json_response({"status": "failed", "reason": "the message that was published did not come"}, _FAILED)


RESOURCES = (Resource("/aliveness-test/{vhost}", {"GET": aliveness_test}, in_vhost),)
