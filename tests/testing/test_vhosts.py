"""Virtual hosts beside the first one: each test may have a fresh one."""

import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker, ProbableAccessDeniedError

from amqpbroker.testing import AsyncBroker, UnknownVhostError


def test_a_fresh_one_has_its_url_and_nothing_else_in_it(broker, channel):
    channel.queue_declare("here")
    vhost = broker.create_vhost("test/1")
    connection = pika.BlockingConnection(pika.URLParameters(vhost.url))
    connection.channel().queue_declare("there")
    assert (list(broker.queues), list(vhost.queues), list(broker.vhost("test/1").queues)) == (
        ["here"],
        ["there"],
        ["there"],
    )
    assert [one.vhost for one in vhost.connections] == ["test/1"]
    connection.close()


def test_deleted_it_takes_its_connections_along(broker, channel):
    vhost = broker.create_vhost("other")
    connection = pika.BlockingConnection(pika.URLParameters(vhost.url))
    broker.delete_vhost("other")
    with pytest.raises(ConnectionClosedByBroker, match="vhost 'other' is deleted"):
        connection.channel()
    with pytest.raises(UnknownVhostError, match="no virtual host 'other'; there are '/'"):
        _ = vhost.queues
    with pytest.raises(ProbableAccessDeniedError):
        pika.BlockingConnection(pika.URLParameters(vhost.url))
    assert len(broker.connections) == 1


def test_what_cannot_be(broker):
    broker.create_vhost("other")
    with pytest.raises(ValueError, match="'other' already"):
        broker.create_vhost("other")
    with pytest.raises(ValueError, match=r"reset\(\) empties it"):
        broker.delete_vhost("/")
    with pytest.raises(UnknownVhostError):
        broker.delete_vhost("another")


async def test_on_the_loop_of_the_caller():
    async with AsyncBroker() as broker:
        vhost = await broker.create_vhost("other")
        assert (vhost.url, await vhost.connections()) == (f"amqp://guest:guest@127.0.0.1:{broker.port}/other", [])
        await broker.delete_vhost("other")
        with pytest.raises(UnknownVhostError):
            await vhost.queues()
