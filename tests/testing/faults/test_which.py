"""What a fault strikes: arguments that can be used, and what is said of the others."""

import pytest

from amqpbroker.testing.faults.which import check


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ({"quue": "x"}, "quue='x': no such filter; there are connection, user"),
        ({"queue": 3}, "queue=3: give its name"),
        ({"times": 0}, "times=0: give a whole number, 1 or more"),
        ({"every": 1.5}, "every=1.5: give a whole number"),
        ({"channel": 0}, "channel=0: channels have numbers from 1 to 65535"),
        ({"probability": 2}, "probability=2: give a number from 0, never, to 1, always"),
        ({"nth": (1, 0)}, r"nth=\(1, 0\): give whole numbers; the first is 1"),
        ({"for_": "soon"}, "'soon' is no duration"),
    ],
)
def test_what_cannot_be_used_is_told(which, told):
    with pytest.raises((TypeError, ValueError), match=told):
        check(which)


def test_a_rule_that_cannot_be_used_is_none(broker):
    with pytest.raises(TypeError, match="no such filter"):
        broker.faults.nack_publishes(quue="x")
    assert len(broker.faults.log.rules) == 0


@pytest.mark.parametrize(
    ("which", "struck"),
    [
        ({"routing_key": "order.*.paid"}, [b"1"]),
        ({"routing_key": "order.#"}, [b"1", b"2"]),
        ({"exchange": "amq.topic"}, [b"1", b"2"]),
        ({"exchange": ""}, [b"3"]),
        ({"queue": "orders"}, [b"1", b"2"]),
        ({"channel": 2}, []),
        ({"user": "guest", "vhost": "/"}, [b"1", b"2", b"3"]),
        ({"user": "anna"}, []),
        ({"vhost": "other"}, []),
        ({"connection": "127.0.0.1:*"}, [b"1", b"2", b"3"]),
        ({"connection": "worker"}, []),
        ({"nth": {1, 3}}, [b"1", b"3"]),
        ({"probability": 0.0}, []),
    ],
)
def test_all_that_is_said_has_to_be_so(broker, channel, which, struck):
    channel.queue_declare("orders")
    channel.queue_bind("orders", "amq.topic", "order.#")
    channel.queue_declare("mails")
    with broker.faults.return_publishes(**which):
        channel.basic_publish("amq.topic", "order.1.paid", b"1", mandatory=True)
        channel.basic_publish("amq.topic", "order.1", b"2", mandatory=True)
        channel.basic_publish("", "mails", b"3", mandatory=True)
        there = {message.body for queue in ("orders", "mails") for message in broker.messages(queue)}
    assert sorted({b"1", b"2", b"3"} - there) == struck
