"""What of a run is noted."""

import json

import pika
import pytest

from amqpbroker.testing import Broker


def lines_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def keys_of(path) -> list[str]:
    """Of each line between the first and the last what it is about."""
    return [
        " ".join([*(line.get("deleted") or line.get("definitions") or {"publish": 0})]) for line in lines_of(path)[1:-1]
    ]


def test_the_first_line_has_what_was_there_and_the_last_says_when_it_ended(broker, channel, path):
    channel.queue_declare("tasks", durable=True)
    channel.queue_declare("own", exclusive=True)
    broker.clock.freeze()
    with broker.record(path):
        broker.clock.advance("30m")
    start, end = lines_of(path)
    assert (start["format"], start["version"], start["rabbitmq_version"]) == ("amqpbroker recording", 1, "4.2.9")
    assert [queue["name"] for queue in start["definitions"]["queues"]] == ["tasks"]
    assert "users" not in start["definitions"]
    assert end == {"at_s": 1800.0, "end": True, "messages": 0}


def test_what_is_declared_meanwhile_stands_where_it_was(broker, channel, path):
    with broker.record(path):
        channel.queue_declare("tasks", durable=True)
        channel.basic_publish("", "tasks", b"")
        channel.exchange_declare("news", "topic")
        channel.queue_bind("tasks", "news", "#")
        channel.queue_unbind("tasks", "news", "#")
        channel.queue_delete("tasks")
        channel.basic_publish("", "tasks", b"")
    assert keys_of(path) == ["queues", "publish", "exchanges", "bindings", "bindings", "queues", "publish"]


def test_with_a_queue_go_its_bindings(broker, channel, path):
    channel.queue_declare("tasks")
    channel.queue_bind("tasks", "amq.fanout")
    with broker.record(path):
        channel.queue_delete("tasks")
    assert [line["deleted"] for line in lines_of(path)[1:-1]] == [
        {"queues": [{"vhost": "/", **declared("tasks")}]},
    ]


def declared(name: str) -> dict:
    arguments = {"x-queue-type": "classic"}
    return {"name": name, "type": "classic", "durable": False, "auto_delete": False, "arguments": arguments}


def test_dead_letters_are_not_noted(broker, channel, path):
    channel.queue_declare("dead")
    channel.queue_declare(
        "tasks",
        arguments={"x-message-ttl": 1000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"},
    )
    with broker.record(path):
        channel.basic_publish("", "tasks", b"")
        broker.clock.advance("1s")
    assert channel.basic_get("dead")[0] is not None
    assert keys_of(path) == ["publish"]


def test_a_transaction_is_noted_when_it_is_committed(broker, channel, path):
    channel.tx_select()
    with broker.record(path):
        properties = pika.BasicProperties(headers={"BCC": ["copies"]})
        channel.basic_publish("amq.fanout", "first", b"", properties)
        channel.tx_commit()
        channel.basic_publish("amq.fanout", "second", b"")
        channel.tx_rollback()
    (message,) = lines_of(path)[1:-1]
    assert message["routing_key"] == "first"
    assert message["properties"]["headers"] == {"BCC": ["copies"]}


def test_it_is_written_also_when_the_run_fails_or_its_broker_ends(path):
    broker = Broker().start()
    with pytest.raises(ZeroDivisionError), broker.record(path):
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            connection.channel().basic_publish("amq.fanout", "", b"")
        broker.stop()
        raise ZeroDivisionError
    assert keys_of(path) == ["publish"]


def test_it_is_written_when_the_broker_has_crashed(path, tmp_path):
    with Broker(data_dir=tmp_path / "data") as broker:
        with broker.record(path):
            with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
                connection.channel().basic_publish("amq.fanout", "", b"")
            broker.crash()
        assert keys_of(path) == ["publish"]
        assert broker.warnings == []


def test_where_no_file_can_be_is_told_at_once(broker, tmp_path):
    with pytest.raises(FileNotFoundError), broker.record(tmp_path / "nowhere" / "run.jsonl"):
        raise AssertionError("it has begun")


def test_nothing_is_left_beside_the_file(broker, channel, path):
    with broker.record(path):
        pass
    channel.basic_publish("amq.fanout", "", b"")
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert broker.ask(lambda: broker.server.run_recorders) == []
