"""What was found, and how it is told."""

import aio_pika
import pika
import pytest

from amqpbroker.server.config import ConfigError
from amqpbroker.testing import AsyncBroker, Broker, TransientQueueWarning
from amqpbroker.testing.linter.findings import Findings, Place


def test_it_says_what_where_why_and_what_to_do(broker, channel):
    channel.queue_declare("tasks")
    (finding,) = broker.warnings
    assert str(finding).startswith(
        "transient-queue: a queue is declared neither durable nor exclusive (queue 'tasks', "
    )
    assert "channel 1). RabbitMQ 4.3 refuses such queues" in str(finding)
    assert "Remedy: declare it with durable=True" in str(finding)
    assert isinstance(finding.warning(), TransientQueueWarning)


def test_each_is_told_once_for_a_place(broker, channel):
    for _ in range(2):
        channel.queue_declare("tasks")
        channel.queue_declare("")
    assert [finding.place.queue for finding in broker.warnings] == ["tasks", ""]


def test_names_that_the_broker_makes_up_are_one_place():
    findings = Findings()
    for token in ("A" * 22, "B" * 22):
        findings.add(TransientQueueWarning, "", Place(queue=f"amq.gen-{token}"))
    assert len(findings.all()) == 1


@pytest.mark.parametrize("without", [{"lint": False}, {"lint_ignore": ("transient-queue",)}])
def test_it_is_switched_off_as_a_whole_or_by_name(without):
    with Broker(**without) as broker:
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            connection.channel().queue_declare("tasks")
        assert broker.warnings == []


def test_a_rule_that_there_is_not_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="unknown rule prefetch; did you mean prefetch-0"):
        Broker(lint_ignore=("prefetch",))


def test_they_are_there_when_the_broker_has_ended():
    with Broker() as broker, pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        connection.channel().queue_declare("tasks")
    assert [finding.name for finding in broker.warnings] == ["transient-queue"]
    assert [finding.name for finding in broker.take_warnings()] == ["transient-queue"]
    assert broker.warnings == []


async def test_on_the_loop_of_the_caller():
    async with AsyncBroker() as broker, await aio_pika.connect(broker.url) as connection:
        await (await connection.channel()).declare_queue("tasks")
        assert [finding.name for finding in await broker.warnings()] == ["transient-queue"]
