"""What both kinds of brokers show, and what they say when they are not there."""

import inspect

import pytest

from amqpbroker.testing import AsyncBroker, Broker, BrokerStoppedError
from amqpbroker.testing.async_looking import AsyncLooking
from amqpbroker.testing.looking import Looking


def public(kind: type) -> dict[str, object]:
    return {name: one for name, one in vars(kind).items() if not name.startswith("_")}


def test_both_show_the_same_with_the_same_arguments():
    here, elsewhere = public(Looking), public(AsyncLooking)
    assert here.keys() | {"queue"} == elsewhere.keys()
    for name, one in here.items():
        if not isinstance(one, property):
            parameters = [
                [str(each) for each in inspect.signature(kind).parameters.values()] for kind in (one, elsewhere[name])
            ]
            assert parameters[0] == parameters[1], name


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("queues", lambda broker: broker.queues),
        ("history", lambda broker: broker.history),
        ("messages", lambda broker: broker.messages("tasks")),
        ("wait_for", lambda broker: broker.wait_for("tasks")),
        ("idle", lambda broker: broker.vhost("/").idle()),
        ("assert_published", lambda broker: broker.assert_published()),
        ("reset", lambda broker: broker.reset()),
    ],
)
def test_of_a_broker_that_was_stopped_nothing_is_shown(name, call):
    with Broker() as broker:
        pass
    with pytest.raises(BrokerStoppedError, match=f"^{name}: the broker has been stopped$"):
        call(broker)


def test_nor_of_one_that_was_not_started_or_has_crashed():
    with pytest.raises(BrokerStoppedError, match=r"^queues: the broker has not been started: use it as a context"):
        _ = Broker().queues
    with Broker() as broker:
        queues = broker.queues
        broker.crash()
        with pytest.raises(BrokerStoppedError, match=r"^join: the broker has crashed: restart\(\) starts it again"):
            broker.join("tasks")
        assert len(queues) == 0


async def test_nor_on_the_loop_of_the_caller():
    broker = AsyncBroker()
    with pytest.raises(BrokerStoppedError, match=r"^queues: the broker has not been started"):
        await broker.queues()
    with pytest.raises(BrokerStoppedError, match=r"^wait_for: the broker has not been started"):
        await broker.vhost("/").wait_for("tasks")
