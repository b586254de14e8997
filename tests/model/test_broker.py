"""What all connections share."""

import random
import re

import pytest

from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.access import Users
from amqpbroker.model.broker import Broker
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.observing.firehose import Firehose
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.model.queue import Queue
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.wire import methods
from tests.helpers.outlet import messages
from tests.helpers.sessions import opened
from tests.helpers.users import allow
from tests.helpers.wire_client import MemoryServer, WireClient


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


# Virtual hosts and users come and go


def test_a_virtual_host_is_as_it_was_asked_for() -> None:
    one = broker()
    vhost = one.create_vhost("new", description="for tests", tags=["a"], default_queue_type="quorum", tracing=True)
    assert one.vhosts["new"] is vhost
    assert (vhost.description, vhost.tags, vhost.default_queue_type) == ("for tests", ("a",), "quorum")
    assert isinstance(vhost.tap, Firehose)
    assert one.permissions.of_vhost("new") == []


def test_a_virtual_host_with_an_unknown_queue_type_is_not_made() -> None:
    one = broker()
    with pytest.raises(InvalidParameterError, match="nosuch is not a valid queue type"):
        one.create_vhost("new", default_queue_type="nosuch")
    assert "new" not in one.vhosts


def test_with_a_virtual_host_go_its_connections_and_what_they_held() -> None:
    server = MemoryServer()
    server.broker.create_vhost("other")
    allow(server.broker, "guest", "other")
    inside, outside = opened(server), WireClient(server).connect(vhost="other").open_channel(1)
    outside.send(1, methods.Queue.Declare(queue="mine", exclusive=True), methods.Basic.Consume(queue="mine"))
    outside.take()
    server.broker.delete_vhost("other")
    server.finish_turn()
    assert outside.methods() == [
        methods.Connection.Close(reply_code=320, reply_text="CONNECTION_FORCED - vhost 'other' is deleted")
    ]
    assert set(server.broker.vhosts) == {"/"}
    assert list(server.broker.connections) == [inside.session]
    assert server.broker.permissions.get("guest", "other") is None


def test_nothing_of_a_deleted_virtual_host_is_there_when_its_name_comes_back() -> None:
    one = broker()
    vhost = one.create_vhost("new", description="old")
    vhost.parameters.set_policy("short", {"pattern": "", "definition": {"max-length": 1}})
    vhost.parameters.set_limit("max-queues", 1)
    one.topic_permissions.set("anna", "new", "amq.topic", write="", read="")
    one.delete_vhost("new")
    again = one.create_vhost("new")
    assert (again.description, len(again.parameters.policies), again.parameters.limits) == ("", 0, {})
    assert one.topic_permissions.of_vhost("new") == []


def test_with_a_user_go_the_connections_and_all_that_the_user_may() -> None:
    server = MemoryServer()
    stays, goes = opened(server), WireClient(server).connect(user="anna", password="secret").open_channel(1)
    server.broker.topic_permissions.set("anna", "/", "amq.topic", write="", read="")
    server.broker.quotas.set_user_limits("anna", {"max-channels": 3})
    server.broker.delete_user("anna")
    server.finish_turn()
    (told,) = goes.methods()
    assert told == methods.Connection.Close(reply_code=320, reply_text="CONNECTION_FORCED - user 'anna' is deleted")
    assert list(server.broker.connections) == [stays.session]
    assert (server.broker.permissions.of_user("anna"), server.broker.topic_permissions.of_user("anna")) == ([], [])
    assert server.broker.quotas.user_limits() == {}


def test_nobody_is_deleted_who_is_not_there() -> None:
    with pytest.raises(KeyError):
        broker().delete_user("anna")


def test_a_renewed_virtual_host_is_a_fresh_one_in_the_same_place() -> None:
    one = broker()
    begun = []
    former = one.add_vhost("/")
    one.add_vhost("other")
    former.new_queue("tasks", durable=False, auto_delete=False, owner=None, arguments={}).counters.publish = 3
    one.watch_vhosts(begun.append)
    fresh = one.renew_vhost("/")
    assert list(one.vhosts.items()) == [("/", fresh), ("other", one.vhosts["other"])]
    assert (fresh.queues, fresh.version > former.version, begun[-1]) == ({}, True, fresh)
    assert (one.queue_counters["classic"].publish, one.churn.queue_deleted) == (3, 1)
