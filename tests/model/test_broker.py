"""What all connections share."""

import random
import re

import pytest

from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.access import Users
from amqpbroker.model.broker import Broker
from amqpbroker.model.queue import Queue
from amqpbroker.profiles import DEFAULT_PROFILE
from tests.helpers.clock import HandClock
from tests.helpers.outlet import messages


def broker(seed: int = 1) -> Broker:
    return Broker(DEFAULT_PROFILE, Users([]), random.Random(seed).randbytes, HandClock())


def test_a_new_virtual_host_has_the_predeclared_exchanges() -> None:
    one = broker()
    vhost = one.add_vhost("/")
    assert one.vhosts == {"/": vhost}
    assert {"", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"} < set(vhost.exchanges)


def test_generated_names_are_a_prefix_and_22_characters_and_all_different() -> None:
    one = broker()
    names = {one.generate_name("amq.gen") for _ in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", name) for name in names)


def test_the_same_random_bytes_give_the_same_names() -> None:
    assert broker(7).generate_token() == broker(7).generate_token() != broker(8).generate_token()


def test_what_queues_hold_is_summed_over_all_virtual_hosts() -> None:
    one = broker()
    assert one.held_bytes() == 0
    for vhost_name, count in (("/", 2), ("other", 3)):
        queue = Queue("tasks")
        one.add_vhost(vhost_name).queues["tasks"] = queue
        queue.extend(messages(count))
    assert one.held_bytes() == 5 * (MESSAGE_OVERHEAD_BYTES + 1)


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (["memory"], "low on memory"),
        (["disk"], "low on disk"),
        (["memory", "disk"], "low on disk & memory"),
        (["memory", "memory"], "low on memory"),
        ([], None),
    ],
)
def test_the_reason_names_what_is_short_as_rabbitmq_does(resources: list[str], reason: str | None) -> None:
    one = broker()
    for resource in resources:
        one.raise_alarm(resource)
    assert one.blocked_reason == reason


def test_who_is_held_back_goes_on_once_when_nothing_is_short_any_more() -> None:
    one = broker()
    resumed: list[str] = []
    one.when_unblocked(lambda: resumed.append("publisher"))
    one.raise_alarm("memory")
    one.raise_alarm("disk")
    one.clear_alarm("memory")
    assert (one.blocked_reason, resumed) == ("low on disk", [])
    one.clear_alarm("disk")
    one.clear_alarm("disk")
    assert (one.blocked_reason, resumed) == (None, ["publisher"])


def test_who_is_blocked_again_while_it_resumes_waits_for_the_next_time() -> None:
    one = broker()
    resumed: list[str] = []

    def resume() -> None:
        resumed.append("publisher")
        one.when_unblocked(resume)

    one.when_unblocked(resume)
    for count in (1, 2):
        one.raise_alarm("memory")
        one.clear_alarm("memory")
        assert resumed == count * ["publisher"]


def test_who_stops_waiting_is_not_called() -> None:
    one = broker()
    resumed: list[str] = []
    one.raise_alarm("memory")
    for resume in (first := lambda: resumed.append("first"), lambda: resumed.append("second")):
        one.when_unblocked(resume)
    one.stop_waiting(first)
    one.stop_waiting(first)
    one.clear_alarm("memory")
    assert resumed == ["second"]


def test_an_alarm_is_logged_once_when_it_comes_and_once_when_it_goes(caplog: pytest.LogCaptureFixture) -> None:
    one = broker()
    for change in (one.raise_alarm, one.raise_alarm, one.clear_alarm, one.clear_alarm):
        change("memory")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "memory resource limit alarm set. Publishers will be blocked until this alarm clears"),
        ("WARNING", "memory resource limit alarm cleared"),
    ]
