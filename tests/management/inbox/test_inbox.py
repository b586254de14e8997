"""What the inbox takes in, what it lets go by, and what it sees of a message's fate."""

from amqpbroker.management.inbox import inbox as inboxes
from amqpbroker.management.inbox.entry import BODY_MAX_BYTES, Entry
from amqpbroker.management.inbox.inbox import (
    BURST_MAX,
    BYTES_MAX,
    FOLLOWED_BURST_MAX,
    FOLLOWED_MAX,
    TAKEN_MAX,
    WINDOW_S,
    Inbox,
)
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.tables import Field, Table, long_string
from tests.helpers.sessions import bind, consume, declare_exchange, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient, publish_octets

TO_TASKS = Basic.Publish(exchange="", routing_key="tasks")


def watched(client: WireClient) -> Inbox:
    return Inbox(client.broker)


def entries(inbox: Inbox) -> list[Entry]:
    return list(inbox.entries)


def bodies(inbox: Inbox) -> list[bytes]:
    return [entry.message[2] for entry in inbox.entries]


def states(inbox: Inbox) -> list[dict[str, str]]:
    return [entry.states for entry in inbox.entries]


def publish(client: WireClient, *texts: str, key: str = "tasks") -> None:
    for text in texts:
        client.publish(1, "", key, text.encode())


# What is taken in


def test_what_is_published_is_there_with_its_queues_and_its_publisher() -> None:
    inbox = watched(client := with_queue())
    publish(client, "hello")
    (entry,) = entries(inbox)
    assert (entry.id, entry.vhost, entry.message[2], entry.states) == (1, "/", b"hello", {"tasks": "ready"})
    assert entry.client is not None and (entry.client.channel, entry.client.user) == (1, "guest")


def test_a_virtual_host_that_comes_later_is_watched_too() -> None:
    inbox = watched(client := with_queue())
    assert client.broker.add_vhost("later").tap is not None
    inbox.close()
    assert {vhost.tap for vhost in client.broker.vhosts.values()} == {None}


def test_all_that_comes_at_once_after_a_quiet_time_is_taken() -> None:
    inbox = watched(client := with_queue())
    publish_numbers(client, BURST_MAX)
    assert (len(inbox.entries), inbox.skipped_count) == (BURST_MAX, 0)


def test_a_window_of_a_flood_takes_so_many_and_of_a_run_fewer() -> None:
    inbox = watched(client := with_queue())
    client.feed(publish_octets(1, TO_TASKS, b"flood") * 2 * BURST_MAX)
    assert BURST_MAX - TAKEN_MAX <= len(inbox.entries) <= BURST_MAX
    client.advance(WINDOW_S)
    before = len(inbox.entries)
    publish_numbers(client, 3 * TAKEN_MAX)
    assert TAKEN_MAX <= len(inbox.entries) - before <= 2 * TAKEN_MAX


def test_nothing_watches_the_rest_of_a_window_unless_somebody_looks() -> None:
    inbox = watched(client := with_queue())
    publish_numbers(client, BURST_MAX)
    assert client.vhost.tap is None
    client.advance(WINDOW_S)
    assert client.vhost.tap is not None
    inbox.watch()
    publish_numbers(client, 2 * TAKEN_MAX)
    assert (inbox.skipped_count, len(inbox.entries)) == (TAKEN_MAX, BURST_MAX + TAKEN_MAX)


def test_there_is_room_again_after_a_quiet_time() -> None:
    inbox = watched(client := with_queue())
    publish_numbers(client, BURST_MAX)
    client.advance(WINDOW_S * (BURST_MAX / TAKEN_MAX + 2))
    publish_numbers(client, BURST_MAX)
    assert (len(inbox.entries), inbox.skipped_count) == (2 * BURST_MAX, 0)


def test_it_costs_no_timer_while_nothing_comes() -> None:
    watched(client := with_queue())
    before = client.clock.waiting
    publish_numbers(client, 1)
    assert client.clock.waiting == before + 1
    client.advance(WINDOW_S)
    assert client.clock.waiting == before


def test_the_oldest_go_when_there_are_too_many(monkeypatch) -> None:
    monkeypatch.setattr(inboxes, "ENTRIES_MAX", 3)
    inbox = watched(client := with_queue())
    publish(client, "first", "second", "third", "fourth")
    assert bodies(inbox) == [b"second", b"third", b"fourth"]
    assert len(inbox._by_key) == 3


def test_the_oldest_go_when_they_are_too_large() -> None:
    inbox = watched(client := with_queue())
    for number in range(20):
        client.publish(1, "", "tasks", bytes([number]) * BODY_MAX_BYTES)
    assert 10 < len(inbox.entries) < 20
    assert sum(entry.size_bytes for entry in inbox.entries) == inbox._size_bytes <= BYTES_MAX


def test_of_a_very_large_body_only_the_front_is_kept() -> None:
    inbox = watched(client := with_queue())
    client.publish(1, "", "tasks", b"x" * (BODY_MAX_BYTES + 1))
    (entry,) = entries(inbox)
    assert entry.size_bytes < BODY_MAX_BYTES
    assert entry.body_size_bytes == BODY_MAX_BYTES + 1
    assert inbox._by_key == {}


def test_what_the_broker_publishes_itself_is_not_taken_in() -> None:
    client = with_queue()
    client.broker.trace(client.vhost, True)
    bind(client, "amq.rabbitmq.trace", "tasks", "#")
    inbox = watched(client)
    publish(client, "hello", key="nobody")
    client.advance(0)
    assert bodies(inbox) == [b"hello"]


# What becomes of it


def test_it_is_unacked_while_a_client_has_it_and_acked_then() -> None:
    inbox = watched(client := with_queue())
    publish(client, "hello")
    consume(client, "ctag")
    assert states(inbox) == [{"tasks": "unacked"}]
    client.send(1, Basic.Ack(delivery_tag=1))
    assert states(inbox) == [{"tasks": "acked"}]


def test_it_is_acked_at_once_by_who_acknowledges_nothing() -> None:
    inbox = watched(client := with_queue())
    consume(client, "ctag", no_ack=True)
    client.feed(publish_octets(1, TO_TASKS, b"alike") * 20)
    assert {entry.states["tasks"] for entry in inbox.entries} == {"acked"}


def test_it_is_ready_again_when_it_comes_back() -> None:
    inbox = watched(client := with_queue())
    publish(client, "hello")
    client.send(1, Basic.Get(queue="tasks"), Basic.Reject(delivery_tag=1, requeue=True))
    assert states(inbox) == [{"tasks": "ready"}]
    inbox.look_at(entries(inbox)[0])
    assert states(inbox) == [{"tasks": "ready"}]


def test_each_queue_has_its_own_fate() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    for name in ("tasks", "other"):
        bind(client, "amq.fanout", name)
    inbox = watched(client)
    client.publish(1, "amq.fanout", "", b"hello")
    consume(client, "ctag", name="other")
    assert states(inbox) == [{"tasks": "ready", "other": "unacked"}]


def test_messages_without_a_body_are_told_apart() -> None:
    inbox = watched(client := with_queue())
    publish(client, "", "", "1", "1")
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=2))
    assert [entry.states["tasks"] for entry in inbox.entries] == ["unacked", "acked", "unacked", "unacked"]


def test_it_goes_back_when_it_is_mandatory() -> None:
    inbox = watched(client := opened())
    client.publish(1, "", "nobody", b"hello", mandatory=True)
    client.publish(1, "", "nobody", b"hello")
    assert [entry.is_returned for entry in inbox.entries] == [True, False]


def dead_lettering() -> WireClient:
    client = opened()
    client.send(1, Queue.Declare(queue="dead", nowait=True))
    declare_exchange(client, "dlx", "fanout")
    bind(client, "dlx", "dead", "")
    arguments: Table = {"x-dead-letter-exchange": long_string("dlx"), "x-max-length": Field("l", 1)}
    client.send(1, Queue.Declare(queue="tasks", arguments=arguments, nowait=True))
    return client


def test_a_dead_letter_is_another_one_and_each_has_its_own_fate() -> None:
    inbox = watched(client := dead_lettering())
    publish(client, "hello")
    client.send(1, Basic.Get(queue="tasks"), Basic.Reject(delivery_tag=1, requeue=False))
    client.send(1, Basic.Get(queue="dead"))
    first, second = entries(inbox)
    assert (first.states, first.reasons) == ({"tasks": "dead"}, {"tasks": "rejected"})
    assert (second.states, second.client) == ({"dead": "unacked"}, None)


def test_what_a_queue_drops_is_dead() -> None:
    inbox = watched(client := dead_lettering())
    publish(client, "first", "second")
    assert [(entry.states, entry.reasons) for entry in inbox.entries] == [
        ({"tasks": "dead"}, {"tasks": "maxlen"}),
        ({"tasks": "ready"}, {}),
        ({"dead": "ready"}, {}),
    ]


def test_what_was_purged_is_found_to_be_gone_when_somebody_looks() -> None:
    inbox = watched(client := with_queue())
    publish(client, "first")
    client.send(1, Queue.Purge(queue="tasks"))
    publish(client, "second")
    watcher = inbox.watch()
    client.advance(2.0)
    assert states(inbox) == [{"tasks": "gone"}, {"tasks": "ready"}]
    assert not watcher.is_behind


def test_of_a_run_each_is_looked_for_at_its_own_place() -> None:
    inbox = watched(client := with_queue())
    client.feed(publish_octets(1, TO_TASKS, b"alike") * 3)
    client.vhost.queues["tasks"].drop(2)
    assert [inbox.look_at(entry) for entry in inbox.entries] == [True, True, False]
    assert states(inbox) == [{"tasks": "gone"}, {"tasks": "gone"}, {"tasks": "ready"}]


def test_what_was_in_a_queue_that_is_deleted_is_gone() -> None:
    inbox = watched(client := with_queue())
    publish(client, "first")
    client.send(1, Queue.Delete(queue="tasks"), Queue.Declare(queue="tasks"))
    assert inbox.look_at(entries(inbox)[0])
    assert states(inbox) == [{"tasks": "gone"}]


def test_of_a_flood_only_so_many_are_followed() -> None:
    inbox = watched(client := with_queue())
    inbox.watch()
    consume(client, "ctag", no_ack=True)
    client.feed(publish_octets(1, TO_TASKS, b"alike") * 2 * FOLLOWED_BURST_MAX)
    assert inbox.looks <= 0
    client.advance(WINDOW_S)
    assert inbox.looks == FOLLOWED_MAX
