"""The rules of durable queues after a stop and after kill -9: deadlines, limits, priorities and dead letters."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, NackError

from interop_tests.restarting import RestartingBroker
from interop_tests.steps import get, get_all, let_pass, settle

End = Callable[[RestartingBroker], None]
ENDS = pytest.mark.parametrize("end", [RestartingBroker.stop, RestartingBroker.kill], ids=["SIGTERM", "SIGKILL"])


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RestartingBroker]:
    """A broker with a data directory, started."""
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("a broker that was started by somebody else is not ours to restart")
    profile = request.config.getoption("--profile", default=None)
    one = RestartingBroker(tmp_path, *(["--profile", profile] if profile else []))
    one.start()
    yield one
    one.kill()


def restart(broker: RestartingBroker, end: End, not_before_s: float = 0) -> None:
    """End it and start it again; not_before_s: the monotonic time that shall have passed while it is down."""
    end(broker)
    time.sleep(max(0.0, not_before_s - time.monotonic()))
    broker.start()


def declare(channel: BlockingChannel, queue: str, **arguments: Any) -> None:
    """Declare a durable queue; arguments with underscores."""
    wanted = {argument.replace("_", "-"): value for argument, value in arguments.items()}
    channel.queue_declare(queue, durable=True, arguments=wanted)


def publish(channel: BlockingChannel, queue: str, *bodies: object, **properties: Any) -> None:
    """Publish persistent messages by the default exchange; all are confirmed when this returns."""
    with channel.connection.channel() as publisher:
        publisher.confirm_delivery()
        for body in bodies:
            sent = pika.BasicProperties(**{"delivery_mode": 2, **properties})
            publisher.basic_publish("", queue, str(body).encode(), sent)


def bodies(channel: BlockingChannel, queue: str) -> list[str]:
    """All that is ready, taken."""
    return [body for body, _ in get_all(channel, queue, auto_ack=True)]


def reject(channel: BlockingChannel, queue: str, count: int = 1) -> None:
    """Get so many messages and reject them together."""
    tags = [get(channel, queue).method.delivery_tag for _ in range(count)]
    channel.basic_nack(tags[-1], multiple=True, requeue=False)


def deaths(headers: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Each entry of x-death: queue, reason and count, newest first."""
    return [(death["queue"], death["reason"], death["count"]) for death in headers["x-death"]]


TO_DEAD = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": "dead"}


@ENDS
@pytest.mark.parametrize(("arguments", "properties"), [({"x_message_ttl": 4_000}, {}), ({}, {"expiration": "4000"})])
def test_the_deadline_of_a_message_is_kept(
    broker: RestartingBroker, end: End, arguments: dict[str, int], properties: dict[str, str]
) -> None:
    with broker.channel() as channel:
        declare(channel, "work", **arguments)
        publish(channel, "work", "x", **properties)
        let_pass(channel, 2_000)
    restart(broker, end)
    with broker.channel() as channel:
        start_s = time.monotonic()
        settle(channel, "work", 0)
        assert time.monotonic() - start_s < 3.0


@ENDS
def test_what_expires_while_the_broker_is_down_is_a_dead_letter_afterwards(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "dead")
        declare(channel, "work", x_message_ttl=1_000, **TO_DEAD)
        publish(channel, "work", "x", "y")
        passed_s = time.monotonic() + 1.1
    restart(broker, end, passed_s)
    with broker.channel() as channel:
        settle(channel, "dead", 2)
        assert deaths(get(channel, "dead").properties.headers) == [("work", "expired", 1)]
        assert bodies(channel, "work") == []


@ENDS
def test_a_message_that_was_with_a_client_expires_at_its_deadline(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work", x_message_ttl=1_000)
        publish(channel, "work", "x")
        get(channel, "work")
        passed_s = time.monotonic() + 1.1
        restart(broker, end, passed_s)
    with broker.channel() as channel:
        settle(channel, "work", 0)


@ENDS
def test_the_expiration_is_still_among_the_properties(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work")
        publish(channel, "work", "x", expiration="600000", priority=7)
    restart(broker, end)
    with broker.channel() as channel:
        properties = get(channel, "work").properties
        assert (properties.expiration, properties.priority) == ("600000", 7)


@ENDS
def test_priorities_are_in_order(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work", x_max_priority=5)
        for number in range(60):
            publish(channel, "work", number, priority=number * 7 % 9)
        before = [body for body, _ in get_all(channel, "work")]
    assert before == sorted(map(str, range(60)), key=lambda body: (-min(5, int(body) * 7 % 9), int(body)))
    restart(broker, end)
    with broker.channel() as channel:
        assert bodies(channel, "work") == before


@ENDS
def test_a_length_limit_is_in_force(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work", x_max_length=3)
        publish(channel, "work", *range(5))
    restart(broker, end)
    with broker.channel() as channel:
        publish(channel, "work", 5)
        settle(channel, "work", 3)
        assert bodies(channel, "work") == ["3", "4", "5"]


@ENDS
def test_a_byte_limit_knows_what_is_there(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work", x_max_length_bytes=10, x_overflow="reject-publish")
        publish(channel, "work", "aaaa", "bbbb")
    restart(broker, end)
    with broker.channel() as channel:
        with pytest.raises(NackError):
            publish(channel, "work", "ccc")
        publish(channel, "work", "cc")
        assert bodies(channel, "work") == ["aaaa", "bbbb", "cc"]


@ENDS
def test_what_was_pushed_out_stays_away_and_its_dead_letters_are_there(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "dead")
        declare(channel, "work", x_max_length=2, **TO_DEAD)
        publish(channel, "work", *range(5))
        settle(channel, "dead", 3)
        publish(channel, "dead", "confirmed after them")
    restart(broker, end)
    with broker.channel() as channel:
        assert bodies(channel, "work") == ["3", "4"]
        assert bodies(channel, "dead") == ["0", "1", "2", "confirmed after them"]


@ENDS
def test_dead_letters_keep_what_is_written_on_them(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "dead")
        declare(channel, "work", **TO_DEAD)
        publish(channel, "work", "x", expiration="600000", headers={"own": 1, "CC": ["copy"]}, message_id="m")
        reject(channel, "work")
        before = get(channel, "dead")
        publish(channel, "dead", "confirmed after it")
    restart(broker, end)
    with broker.channel() as channel:
        after = get(channel, "dead")
        assert (after.properties, after.body) == (before.properties, before.body)
        assert after.method.routing_key == "dead"
        assert after.properties.headers["x-death"][0]["original-expiration"] == "600000"


@ENDS
def test_the_rounds_of_a_retry_loop_count_on(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work", x_dead_letter_exchange="", x_dead_letter_routing_key="wait")
        declare(channel, "wait", x_message_ttl=10, x_dead_letter_exchange="", x_dead_letter_routing_key="work")
        publish(channel, "work", "job")
        for _ in range(3):
            reject(channel, "work")
        get(channel, "work")
        publish(channel, "work", "confirmed after it")
    restart(broker, end)
    with broker.channel() as channel:
        reject(channel, "work")
        assert get(channel, "work").body == b"confirmed after it"
        job = get(channel, "work").properties
        assert deaths(job.headers) == [("wait", "expired", 4), ("work", "rejected", 4)]


@ENDS
def test_copies_of_a_message_still_route_its_dead_letter(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.exchange_declare("deaths", "direct", durable=True)
        declare(channel, "dead")
        channel.queue_bind("dead", "deaths", "copy")
        declare(channel, "work", x_dead_letter_exchange="deaths")
        publish(channel, "work", "x", headers={"CC": ["copy"]})
    restart(broker, end)
    with broker.channel() as channel:
        reject(channel, "work")
        came = get(channel, "dead")
        assert came.method.routing_key == "work"
        assert came.properties.headers["x-death"][0]["routing-keys"] == ["work", "copy"]


def test_a_kill_while_messages_die_loses_and_doubles_none(broker: RestartingBroker) -> None:
    with broker.channel() as channel:
        declare(channel, "dead")
        declare(channel, "work", **TO_DEAD)
        publish(channel, "work", *range(300))
        reject(channel, "work", 200)
        broker.kill()
    broker.start()
    with broker.channel() as channel:
        died, left = bodies(channel, "dead"), bodies(channel, "work")
        assert sorted(died + left, key=int) == [str(number) for number in range(300)]


@ENDS
def test_the_dead_letter_of_a_transient_message_is_transient(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "dead")
        declare(channel, "work", **TO_DEAD)
        publish(channel, "work", "transient", delivery_mode=1)
        publish(channel, "work", "persistent")
        reject(channel, "work", 2)
        settle(channel, "dead", 2)
        publish(channel, "dead", "confirmed after them")
    restart(broker, end)
    with broker.channel() as channel:
        assert bodies(channel, "dead") == ["persistent", "confirmed after them"]


@ENDS
def test_an_unused_queue_expires_after_a_restart(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        declare(channel, "work", x_expires=500)
        publish(channel, "work", "x")
    restart(broker, end)
    with broker.channel() as channel:
        channel.confirm_delivery()
        with pytest.raises(pika.exceptions.UnroutableError):
            while True:
                channel.basic_publish("", "work", b"there?", mandatory=True)


@ENDS
def test_the_arguments_of_a_queue_are_compared_with_those_of_before(broker: RestartingBroker, end: End) -> None:
    arguments = {"x_message_ttl": 60_000, "x_max_length": 5, "x_overflow": "reject-publish", **TO_DEAD}
    with broker.channel() as channel:
        declare(channel, "work", **arguments)
    restart(broker, end)
    with broker.channel() as channel:
        declare(channel, "work", **arguments)
        with pytest.raises(ChannelClosedByBroker) as closed:
            declare(channel, "work", **{**arguments, "x_max_length": 6})
        assert closed.value.reply_text.endswith(
            "inequivalent arg 'x-max-length' for queue 'work' in vhost '/': received '6' but current is '5'"
        )
