"""A connection: login, virtual host, flow of deliveries, holding publishers back, the end."""

import pytest

from amqpbroker.errors import ACCESS_REFUSED, NOT_ALLOWED
from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES, OUTBOX_MAX_BYTES, UNACKED_SAMPLE_MESSAGES
from amqpbroker.wire.methods import Basic, Channel, Connection, Queue
from tests.helpers.sessions import bodies, consume, deliveries, fault, opened, publish_numbers, waiting, with_queue
from tests.helpers.wire_client import MemoryServer, WireClient, start_ok


def finish(client: WireClient) -> None:
    client.server.batch.finish()


# Login and virtual host


def test_a_wrong_password_is_told_to_who_can_hear_it() -> None:
    client = WireClient()
    client.feed(b"AMQP\0\0\x09\x01")
    client.take()
    client.send(0, start_ok(password="wrong"))
    (refused,) = client.methods()
    assert isinstance(refused, Connection.Close)
    assert refused.reply_code == ACCESS_REFUSED


def test_who_guesses_has_to_wait_even_with_the_right_password() -> None:
    server = MemoryServer()

    def log_in(password: str) -> WireClient:
        client = WireClient(server)
        client.feed(b"AMQP\0\0\x09\x01")
        client.send(0, start_ok("anna", password))
        return client

    for _ in range(5):
        log_in("wrong")
    waits = log_in("secret")
    assert waits.session.user is None
    assert "PLAIN login refused: user 'anna' - too many failed logins" in str(waits.faults[0])
    server.clock.advance(1.0)
    assert log_in("secret").session.user_name == "anna"


def test_guest_is_refused_from_elsewhere_and_others_are_not() -> None:
    assert WireClient(from_loopback=False).connect(user="anna", password="secret").session.user_name == "anna"
    guest = WireClient(from_loopback=False)
    guest.feed(b"AMQP\0\0\x09\x01")
    guest.send(0, start_ok())
    assert guest.session.user is None
    assert "user 'guest' can only connect via localhost" in guest.faults[0].explanation


def without_password(mechanism: str, login: tuple[str, str], from_loopback: bool = True) -> WireClient:
    """A client that has asked to log in by what is known of it."""
    client = WireClient(logins={mechanism: login}, from_loopback=from_loopback)
    client.feed(b"AMQP\0\0\x09\x01")
    client.send(0, Connection.StartOk(mechanism=mechanism, response=b"guest"))
    return client


@pytest.mark.parametrize("mechanism", ["EXTERNAL", "ANONYMOUS"])
def test_a_user_who_is_known_otherwise_needs_no_password(mechanism: str) -> None:
    client = without_password(mechanism, ("anna", ""))
    assert client.session.user_name == "anna"
    assert client.session.facts().mechanism == mechanism


@pytest.mark.parametrize(
    ("login", "from_loopback", "why"),
    [
        (("nobody", ""), True, "user 'nobody' - invalid credentials"),
        (("guest", ""), False, "user 'guest' can only connect via localhost"),
        (("", "no name found"), True, "no name found"),
    ],
)
def test_what_is_known_otherwise_may_be_nobody(login: tuple[str, str], from_loopback: bool, why: str) -> None:
    client = without_password("EXTERNAL", login, from_loopback)
    assert client.session.user is None
    assert client.faults[0].explanation == f"EXTERNAL login refused: {why}"


def test_a_virtual_host_that_is_not_there_is_refused() -> None:
    client = WireClient()
    client.feed(b"AMQP\0\0\x09\x01")
    client.send(0, start_ok(), Connection.TuneOk(channel_max=9, frame_max=9_000))
    client.take()
    assert fault(client, 0, Connection.Open(virtual_host="elsewhere")) == (
        NOT_ALLOWED,
        "NOT_ALLOWED - vhost elsewhere not found",
    )


def test_a_virtual_host_is_for_those_who_may_do_anything_there() -> None:
    client = WireClient()
    client.broker.create_vhost("elsewhere")
    client.broker.permissions.set("anna", "elsewhere", configure="", write="", read="")
    client.feed(b"AMQP\0\0\x09\x01")
    client.send(0, start_ok(), Connection.TuneOk(channel_max=9, frame_max=9_000))
    client.take()
    assert fault(client, 0, Connection.Open(virtual_host="elsewhere")) == (
        NOT_ALLOWED,
        "NOT_ALLOWED - access to vhost 'elsewhere' refused for user 'guest'",
    )
    assert client.broker.quotas.connections_in["elsewhere"] == 0
    anna = WireClient(client.server).connect(user="anna", password="secret", vhost="elsewhere")
    assert anna.session.vhost.name == "elsewhere"


def test_a_user_who_was_deleted_while_logging_in_does_not_come_in() -> None:
    client = WireClient()
    client.feed(b"AMQP\0\0\x09\x01")
    client.send(0, start_ok(), Connection.TuneOk(channel_max=9, frame_max=9_000))
    client.broker.delete_user("guest")
    client.take()
    assert fault(client, 0, Connection.Open(virtual_host="/"))[0] == NOT_ALLOWED


def test_new_credentials_are_taken() -> None:
    client = WireClient().connect()
    assert client.call(0, Connection.UpdateSecret(new_secret=b"new")) == Connection.UpdateSecretOk()


# A connection that takes no more


def test_a_full_connection_is_given_nothing_and_then_all_that_waits_in_order() -> None:
    client = with_queue(count=3)
    client.session.pause_writing()
    consume(client, "ctag")
    publish_numbers(client, 2, 4)
    assert client.take() == []
    client.session.resume_writing()
    finish(client)
    assert bodies(client) == "1 2 3 4 5"


def test_go_on_does_nothing_while_the_socket_is_full() -> None:
    client = with_queue(count=1)
    client.session.pause_writing()
    consume(client, "ctag")
    client.session.go_on()
    finish(client)
    assert client.take() == []


def test_channels_and_consumers_that_come_while_it_is_full_wait_too() -> None:
    client = with_queue(count=2)
    client.session.pause_writing()
    client.open_channel(2)
    consume(client, "ctag", channel=2)
    assert client.take() == []
    client.session.resume_writing()
    finish(client)
    assert bodies(client) == "1 2"


def test_others_are_given_what_a_full_connection_does_not_take() -> None:
    client = with_queue()
    other = opened(client.server)
    consume(client, "full")
    consume(other, "free")
    client.session.pause_writing()
    publish_numbers(client, 4)
    assert bodies(other) == "1 2 3 4"
    client.session.resume_writing()
    publish_numbers(client, 4, 5)
    assert len(deliveries(client)) == len(deliveries(other)) == 2


def test_prefetch_is_kept_over_a_pause() -> None:
    client = with_queue()
    client.send(1, Basic.Qos(prefetch_count=2))
    consume(client, "ctag")
    publish_numbers(client, 1)
    client.session.pause_writing()
    publish_numbers(client, 4, 2)
    client.session.resume_writing()
    finish(client)
    assert bodies(client) == "1 2"


def big_queues(*names: str) -> WireClient:
    """A broker whose queues hold three turns' octets each."""
    client = opened(None, 1, 2)
    for name in names:
        client.send(1, Queue.Declare(queue=name))
        for _ in range(12):
            client.publish(1, "", name, bytes(OUTBOX_MAX_BYTES // 4))
    client.take()
    return client


def test_one_turn_gives_a_consumer_no_more_than_the_outbox_may_hold() -> None:
    client = big_queues("tasks")
    client.session.pause_writing()
    consume(client, "ctag")
    client.session.resume_writing()
    for more in (5, 5, 2):
        finish(client)
        assert len(deliveries(client)) == more
        client.session.go_on()


@pytest.mark.parametrize("channels", [(1, 1), (1, 2)])
def test_no_consumer_waits_until_anothers_backlog_is_gone(channels: tuple[int, int]) -> None:
    client = big_queues("first", "second")
    client.session.pause_writing()
    for name, channel in zip(("first", "second"), channels, strict=True):
        consume(client, name, channel=channel, name=name)
    client.session.resume_writing()
    finish(client)
    served = {tag for tag, _, _, _ in deliveries(client)}
    client.session.go_on()
    finish(client)
    served |= {tag for tag, _, _, _ in deliveries(client)}
    assert served == {"first", "second"}
    assert waiting(client, "first") and waiting(client, "second")


def test_two_consumers_of_one_queue_share_what_a_pause_left() -> None:
    client = with_queue(count=6)
    client.open_channel(2)
    client.session.pause_writing()
    consume(client, "a")
    consume(client, "b", channel=2)
    client.session.resume_writing()
    finish(client)
    assert "".join(tag for tag, _, _, _ in deliveries(client)) == "ababab"


# Holding publishers back


def test_who_publishes_under_an_alarm_is_told_and_not_read_until_it_is_over() -> None:
    client = with_queue()
    client.broker.raise_alarm("memory")
    assert client.take() == []
    publish_numbers(client, 1)
    assert client.methods() == [Connection.Blocked(reason="low on memory")]
    publish_numbers(client, 2, 2)
    assert waiting(client) == [(b"1", False)]
    client.broker.clear_alarm("memory")
    finish(client)
    assert client.methods() == [Connection.Unblocked()]
    assert len(waiting(client)) == 3


def test_who_only_consumes_under_an_alarm_goes_on() -> None:
    client = with_queue(count=1)
    client.broker.raise_alarm("memory")
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=1))
    assert bodies(client) == "1"
    assert not client.reading_paused


def test_who_did_not_ask_to_be_told_is_held_back_in_silence() -> None:
    client = WireClient().connect(client_properties={}).open_channel(1)
    client.broker.raise_alarm("memory")
    client.publish(1, "", "tasks", b"body")
    assert client.reading_paused
    client.broker.clear_alarm("memory")
    assert client.take() == []
    assert not client.reading_paused


def test_an_alarm_may_come_again() -> None:
    client = with_queue()
    for _ in range(2):
        client.broker.raise_alarm("disk")
        publish_numbers(client, 1)
        client.broker.clear_alarm("disk")
        finish(client)
    blocked, unblocked = Connection.Blocked(reason="low on disk"), Connection.Unblocked()
    assert client.methods() == [blocked, unblocked, blocked, unblocked]


def test_a_connection_that_is_lost_under_an_alarm_hinders_nobody() -> None:
    client = with_queue()
    client.broker.raise_alarm("memory")
    publish_numbers(client, 1)
    client.vanish()
    client.broker.clear_alarm("memory")
    other = opened(client.server)
    publish_numbers(other, 1)
    assert len(waiting(other)) == 2


def test_the_end_of_a_connection_under_an_alarm_is_read_and_forgotten() -> None:
    client = with_queue()
    client.broker.raise_alarm("memory")
    publish_numbers(client, 1)
    client.connection.force_close("maintenance", client.clock.seconds)
    finish(client)
    assert not client.reading_paused
    client.take()
    client.broker.clear_alarm("memory")
    assert client.take() == []


def test_one_alarm_after_the_other_is_one_pair() -> None:
    client = with_queue()
    client.broker.raise_alarm("memory")
    publish_numbers(client, 1)
    client.broker.raise_alarm("disk")
    client.broker.clear_alarm("memory")
    assert client.methods() == [Connection.Blocked(reason="low on memory")]
    client.broker.clear_alarm("disk")
    finish(client)
    assert client.methods() == [Connection.Unblocked()]


# What is kept for the client


def test_what_the_client_has_to_acknowledge_is_counted() -> None:
    client = with_queue(count=3)
    consume(client, "ctag")
    assert (client.session.unacked_count, client.session.settled_count) == (3, 0)
    assert client.session.held_bytes() == 3 * (MESSAGE_OVERHEAD_BYTES + 1)
    client.send(1, Basic.Ack(delivery_tag=2, multiple=True))
    assert (client.session.unacked_count, client.session.settled_count) == (1, 2)
    assert client.session.held_bytes() == MESSAGE_OVERHEAD_BYTES + 1


def test_what_many_messages_take_is_told_by_the_oldest() -> None:
    client = with_queue()
    consume(client, "ctag")
    for size_bytes in (100, 500):
        for _ in range(UNACKED_SAMPLE_MESSAGES):
            client.publish(1, "", "tasks", bytes(size_bytes))
    assert client.session.held_bytes() == 2 * UNACKED_SAMPLE_MESSAGES * (MESSAGE_OVERHEAD_BYTES + 100)


def test_what_is_to_be_written_is_counted() -> None:
    client = with_queue(count=1)
    client.connection.write(bytes(1_000))
    assert client.session.held_bytes() == 1_000


# The end


@pytest.mark.parametrize("end", ["close", "lost"])
def test_a_connection_leaves_nothing_behind(end: str) -> None:
    server = MemoryServer()
    client = opened(server, 1, 2)
    client.send(1, Queue.Declare(queue="mine", exclusive=True), Queue.Declare(queue="once", auto_delete=True))
    consume(client, "a", name="mine")
    consume(client, "b", channel=2, name="once")
    consume(client, "c", channel=2, name="amq.rabbitmq.reply-to", no_ack=True)
    publish_numbers(client, 2, name="mine")
    if end == "close":
        client.send(0, Connection.Close())
    else:
        client.vanish()
    assert (server.vhost.queues, server.broker.reply_queues, client.session._channels) == ({}, {}, {})
    assert len(server.broker.connections) == 0


def test_closing_a_channel_with_deliveries_on_their_way_ends_with_close_ok() -> None:
    client = with_queue(count=2)
    client.send(1, Basic.Consume(queue="tasks", consumer_tag="ctag"), Channel.Close())
    assert [type(method).__name__ for method in client.methods()] == ["ConsumeOk", "Deliver", "Deliver", "CloseOk"]


# Limits


def refused_by(client: WireClient, vhost: str = "/") -> tuple[int, str]:
    """(reply code, reply text) with which connection.open is answered."""
    client.feed(b"AMQP\0\0\x09\x01")
    client.send(0, start_ok(), Connection.TuneOk(channel_max=9, frame_max=9_000))
    client.take()
    return fault(client, 0, Connection.Open(virtual_host=vhost))


def test_a_virtual_host_that_is_full_takes_nobody_until_somebody_goes() -> None:
    server = MemoryServer()
    first = opened(server)
    server.vhost.parameters.set_limit("max-connections", 1)
    text = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached"
    assert refused_by(WireClient(server)) == (NOT_ALLOWED, text)
    first.send(0, Connection.Close())
    assert opened(server).session.user_name == "guest"


def test_a_user_with_as_many_connections_as_allowed_gets_no_other() -> None:
    server = MemoryServer()
    opened(server)
    server.broker.quotas.set_user_limits("guest", {"max-connections": 1})
    text = "NOT_ALLOWED - connection refused for user 'guest': user connection limit (1) is reached"
    assert refused_by(WireClient(server)) == (NOT_ALLOWED, text)


def test_one_channel_too_many_ends_the_connection_and_its_channels_count_no_more() -> None:
    server = MemoryServer()
    other, client = opened(server), opened(server)
    server.broker.quotas.set_user_limits("guest", {"max-channels": 2})
    text = "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of 2"
    assert fault(client, 2, Channel.Open()) == (NOT_ALLOWED, text)
    assert server.broker.quotas.channels_of == {"guest": 1}
    other.open_channel(2)
    assert fault(other, 3, Channel.Open())[0] == NOT_ALLOWED


@pytest.mark.parametrize("end", ["close", "lost"])
def test_who_goes_is_counted_no_more(end: str) -> None:
    server = MemoryServer()
    client = opened(server, 1, 2, 3)
    client.send(2, Channel.Close())
    assert fault(client, 3, Queue.Declare(queue="none", passive=True))[0] == 404
    quotas = server.broker.quotas
    assert (quotas.connections_in, quotas.connections_of, quotas.channels_of) == ({"/": 1}, {"guest": 1}, {"guest": 1})
    if end == "close":
        client.send(0, Connection.Close())
    else:
        client.vanish()
    assert (quotas.connections_in, quotas.connections_of, quotas.channels_of) == ({}, {}, {})
