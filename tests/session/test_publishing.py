"""basic.publish: where messages go, what is decided once for many of them, and when that has to be forgotten."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from amqpbroker.errors import ACCESS_REFUSED, NOT_FOUND, NOT_IMPLEMENTED, PRECONDITION_FAILED
from amqpbroker.limits import ROUTE_MEMO_MAX
from amqpbroker.model.message import Message, address_of
from amqpbroker.model.ports import Tap
from amqpbroker.session.publishing import RouteGroup, return_frames
from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Method, Queue, Tx, encode_frame
from amqpbroker.wire.tables import Field, Table, from_python
from tests.helpers.sessions import bind, bodies, consume, declare_exchange, opened, waiting, with_queue
from tests.helpers.users import user_with
from tests.helpers.wire_client import MemoryServer, Received, WireClient, publish_octets


def publishes(count: int, key: str = "tasks", exchange: str = "", *, mandatory: bool = False) -> bytes:
    """The same message so many times, as the lane reads it."""
    return publish_octets(1, Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory), b"body") * count


def count(client: WireClient, name: str = "tasks") -> int:
    return client.vhost.queues[name].message_count


def returned(client: WireClient) -> list[Received]:
    return [event for event in client.take() if isinstance(event, Received) and isinstance(event.method, Basic.Return)]


def closed(client: WireClient) -> tuple[int, str]:
    (close,) = [method for method in client.methods() if isinstance(method, Channel.Close | Connection.Close)]
    return close.reply_code, close.reply_text


# Runs of several destinations


def in_turn(client: WireClient, *keys: str) -> None:
    """Publishes to each of the keys in turn, in one read."""
    client.feed(b"".join(publishes(1, key) for key in keys * 3))


def calls_of(client: WireClient, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages come at once, from now on."""
    counts: list[int] = []
    channel = client.session._channels[1]
    publish_run = channel.publish_run

    def noted(group: RouteGroup, messages: Sequence[Message]) -> None:
        counts.append(len(messages))
        publish_run(group, messages)

    monkeypatch.setattr(channel, "publish_run", noted)
    return counts


def with_two_queues() -> WireClient:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    return client


def test_what_goes_to_two_queues_in_turn_comes_to_each_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    client = with_two_queues()
    counts = calls_of(client, monkeypatch)
    in_turn(client, "tasks", "other")
    assert (counts, count(client), count(client, "other")) == ([3, 3], 3, 3)


def test_with_confirms_too_where_none_of_them_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    client = with_two_queues()
    client.call(1, Confirm.Select())
    counts = calls_of(client, monkeypatch)
    in_turn(client, "tasks", "other")
    assert counts == [3, 3]
    assert client.methods() == [Basic.Ack(delivery_tag=6, multiple=True)]


def test_who_may_be_told_that_a_queue_is_full_is_told_of_the_right_message() -> None:
    client = with_queue()
    full: Table = {"x-max-length": Field("l", 2), "x-overflow": Field("S", b"reject-publish")}
    client.send(1, Queue.Declare(queue="full", arguments=full, nowait=True), Confirm.Select(nowait=True))
    in_turn(client, "full", "tasks")
    nacks = [method.delivery_tag for method in client.methods() if isinstance(method, Basic.Nack)]
    assert (nacks, count(client), count(client, "full")) == ([5], 3, 2)


def test_in_a_transaction_the_order_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    client = with_two_queues()
    client.call(1, Tx.Select())
    counts = calls_of(client, monkeypatch)
    in_turn(client, "tasks", "other")
    assert counts == [1] * 6


@pytest.mark.parametrize(("in_order", "expected"), [(True, [1] * 6), (False, [3, 3])])
def test_who_watches_has_it_in_order_if_he_wants_to(
    in_order: bool, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = with_two_queues()

    class Watching(Tap):
        pass

    tap = Watching()
    tap.in_order = in_order
    client.vhost.watch(tap)
    counts = calls_of(client, monkeypatch)
    in_turn(client, "tasks", "other")
    assert counts == expected


def test_what_goes_to_a_queue_alone_and_with_others_stays_in_order() -> None:
    client = with_two_queues()
    declare_exchange(client, "logs", "direct")
    for queue, key in (("tasks", "one"), ("tasks", "both"), ("other", "both")):
        bind(client, "logs", queue, key)
    octets = [
        publish_octets(1, Basic.Publish(exchange="logs", routing_key=key), key.encode()) for key in ("one", "both")
    ]
    client.feed(b"".join(octets * 3))
    assert [body for body, _ in waiting(client)] == [b"one", b"both"] * 3


# A decision holds until the topology changes, in the same read too


@pytest.mark.parametrize("in_one_read", [True, False])
@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        pytest.param([Queue.Bind(queue="tasks", exchange="logs", nowait=True)], 0, 3, id="bind"),
        pytest.param([Queue.Unbind(queue="other", exchange="logs")], 0, 0, id="unbind what was not there"),
        pytest.param([Exchange.Bind(destination="amq.fanout", source="logs", nowait=True)], 0, 3, id="exchange bind"),
    ],
)
def test_what_is_published_after_a_change_goes_where_it_leads(
    in_one_read: bool, change: list[Method], before: int, after: int
) -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    declare_exchange(client, "logs")
    bind(client, "amq.fanout")
    change_octets = b"".join(encode_frame(1, method) for method in change)
    reads = [publishes(3, exchange="logs"), change_octets, publishes(3, exchange="logs")]
    for read in [b"".join(reads)] if in_one_read else reads:
        client.feed(read)
    assert count(client) == before + after


@pytest.mark.parametrize("in_one_read", [True, False])
def test_what_is_published_after_an_unbind_goes_nowhere(in_one_read: bool) -> None:
    client = with_queue()
    bind(client, "amq.fanout")
    unbind = encode_frame(1, Queue.Unbind(queue="tasks", exchange="amq.fanout"))
    reads = [publishes(3, exchange="amq.fanout"), unbind, publishes(3, exchange="amq.fanout", mandatory=True)]
    for read in [b"".join(reads)] if in_one_read else reads:
        client.feed(read)
    assert count(client) == 3
    assert len(returned(client)) == 3


@pytest.mark.parametrize("in_one_read", [True, False])
def test_a_queue_declared_between_two_equal_publishes_gets_the_second(in_one_read: bool) -> None:
    client = opened()
    reads = [publishes(2), encode_frame(1, Queue.Declare(queue="tasks", nowait=True)), publishes(2)]
    for read in [b"".join(reads)] if in_one_read else reads:
        client.feed(read)
    assert count(client) == 2


@pytest.mark.parametrize("in_one_read", [True, False])
def test_a_queue_deleted_and_declared_again_is_another_one(in_one_read: bool) -> None:
    client = with_queue()
    again = [Queue.Delete(queue="tasks", nowait=True), Queue.Declare(queue="tasks", nowait=True)]
    reads = [publishes(3), b"".join(encode_frame(1, method) for method in again), publishes(2)]
    for read in [b"".join(reads)] if in_one_read else reads:
        client.feed(read)
    assert count(client) == 2


@pytest.mark.parametrize("in_one_read", [True, False])
def test_an_exchange_that_was_deleted_is_missed(in_one_read: bool) -> None:
    client = with_queue()
    declare_exchange(client, "logs")
    reads = [publishes(3, exchange="logs"), encode_frame(1, Exchange.Delete(exchange="logs", nowait=True))]
    reads.append(publishes(3, exchange="logs"))
    for read in [b"".join(reads)] if in_one_read else reads:
        client.feed(read)
    assert closed(client) == (NOT_FOUND, "NOT_FOUND - no exchange 'logs' in vhost '/'")


def test_a_change_by_another_connection_counts_too() -> None:
    client = with_queue()
    other = opened(client.server)
    client.feed(publishes(3))
    other.send(1, Queue.Delete(queue="tasks"), Queue.Declare(queue="tasks"))
    client.feed(publishes(2))
    assert count(client) == 2


def test_a_queue_that_went_with_its_last_consumer_gets_nothing_more() -> None:
    client = opened()
    client.send(1, Queue.Declare(queue="tasks", auto_delete=True, nowait=True))
    consume(client, "ctag", no_ack=True)
    cancel = encode_frame(1, Basic.Cancel(consumer_tag="ctag", nowait=True))
    client.feed(publishes(2) + cancel + publishes(3, mandatory=True))
    assert len(returned(client)) == 3


def test_more_keys_than_are_remembered_find_their_way() -> None:
    client = with_queue()
    bind(client, "amq.topic", key="#")
    client.feed(b"".join(publishes(1, str(key), "amq.topic") for key in range(ROUTE_MEMO_MAX + 9)))
    client.feed(b"".join(publishes(1, str(key), "amq.topic") for key in range(9)))
    assert count(client) == ROUTE_MEMO_MAX + 18
    assert len(client.session._channels[1].lane.routes) <= ROUTE_MEMO_MAX


# Where messages go


def test_the_order_of_a_stream_to_many_queues_is_kept_in_each() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    bind(client, "amq.topic", key="both.#")
    bind(client, "amq.topic", "other", "both.#")
    keys = ["both.a", "both.b", "both.a", "both.a", "both.c"] * 5
    stream = b"".join(
        publish_octets(1, Basic.Publish(exchange="amq.topic", routing_key=key), b"%d" % number)
        for number, key in enumerate(keys)
    )
    client.feed(stream)
    expected = [(b"%d" % number, False) for number in range(25)]
    assert waiting(client) == waiting(client, "other") == expected


def test_a_headers_exchange_looks_at_every_message() -> None:
    client = with_queue()
    arguments = from_python({"x-match": "all", "colour": "red"}).value
    client.send(1, Queue.Bind(queue="tasks", exchange="amq.headers", arguments=arguments, nowait=True))
    for colour in (b"red", b"blue", b"red"):
        client.publish(1, "amq.headers", "", colour, headers={"colour": Field("S", colour)})
    assert waiting(client) == [(b"red", False), (b"red", False)]


@pytest.mark.parametrize("body", [b"", b"x" * 10_000])
def test_a_body_of_no_or_of_many_frames_arrives_whole(body: bytes) -> None:
    client = WireClient().connect(frame_max_bytes=8192).open_channel(1)
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    client.publish(1, "", "tasks", body)
    consume(client, "ctag")
    assert bodies(client) == body.decode()


def test_a_message_over_the_limit_closes_the_channel_before_its_body_is_there() -> None:
    client = WireClient(MemoryServer(message_size_max_bytes=9)).connect().open_channel(1)
    client.feed(publish_octets(1, Basic.Publish(), b"x" * 10)[:-11])
    text = "PRECONDITION_FAILED - message size 10 is larger than configured max size 9"
    assert closed(client) == (PRECONDITION_FAILED, text)


# What comes back


@given(
    st.tuples(st.text("abz-_.: ", max_size=60), st.text(max_size=60)),
    st.binary(max_size=300),
    st.sampled_from([64, 4096, 0]),
)
def test_a_return_is_what_pamqp_lays(names: tuple[str, str], body: bytes, frame_max_bytes: int) -> None:
    exchange, key = names
    header = marshal(ContentHeader(0, len(body), commands.Basic.Properties(message_id="7")), 5)
    method = commands.Basic.Return(312, "NO_ROUTE", "", key)
    method.exchange = exchange
    step = frame_max_bytes - 8 if frame_max_bytes else 1 << 20
    pieces = [marshal(ContentBody(body[at : at + step]), 5) for at in range(0, len(body), step)]
    frames = return_frames(5, (address_of(exchange, key), header[7:-1], body, 0), frame_max_bytes)
    assert frames == marshal(method, 5) + header + b"".join(pieces)


def test_a_mandatory_message_without_a_queue_comes_back_as_it_was() -> None:
    client = opened()
    client.publish(1, "amq.direct", "nowhere", b"body", mandatory=True, message_id="7")
    (event,) = returned(client)
    assert event.method == Basic.Return(
        reply_code=312, reply_text="NO_ROUTE", exchange="amq.direct", routing_key="nowhere"
    )
    assert (event.body, event.properties.message_id) == (b"body", "7")


def test_what_is_not_mandatory_or_has_a_queue_does_not_come_back() -> None:
    client = with_queue()
    client.publish(1, "amq.direct", "nowhere", b"body")
    client.publish(1, "", "tasks", b"body", mandatory=True)
    assert client.take() == []


def test_what_an_alternate_exchange_routes_does_not_come_back() -> None:
    client = with_queue()
    declare_exchange(client, "logs", arguments=from_python({"alternate-exchange": "amq.fanout"}).value)
    client.feed(publishes(1, exchange="logs", mandatory=True))
    assert len(returned(client)) == 1
    bind(client, "amq.fanout")
    client.feed(publishes(1, exchange="logs", mandatory=True))
    assert returned(client) == []
    assert count(client) == 1


# Faults


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (Basic.Publish(exchange="missing"), NOT_FOUND, "NOT_FOUND - no exchange 'missing' in vhost '/'"),
        (Basic.Publish(immediate=True), NOT_IMPLEMENTED, "NOT_IMPLEMENTED - immediate=true"),
        (
            Basic.Publish(exchange="amq.rabbitmq.trace"),
            ACCESS_REFUSED,
            "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'",
        ),
    ],
)
def test_what_cannot_be_published_to_is_refused(method: Basic.Publish, code: int, text: str) -> None:
    client = opened()
    client.feed(publish_octets(1, method, b"body"))
    assert closed(client) == (code, text)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"expiration": "soon"}, "invalid expiration 'soon': no_integer"),
        ({"user_id": "anna"}, "user_id property set to 'anna' but authenticated user was 'guest'"),
        ({"reply_to": "amq.rabbitmq.reply-to"}, "fast reply consumer does not exist"),
    ],
)
def test_properties_that_break_a_rule_close_the_channel(values: dict[str, str], text: str) -> None:
    client = with_queue()
    client.publish(1, "", "tasks", b"before")
    client.publish(1, "", "tasks", b"body", **values)
    assert closed(client) == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - {text}")
    assert waiting(client) == [(b"before", False)]


def test_a_user_may_publish_in_the_own_name_and_messages_may_expire_late() -> None:
    client = with_queue()
    client.publish(1, "", "tasks", b"mine", user_id="guest", expiration="60000")
    assert waiting(client) == [(b"mine", False)]


@pytest.mark.parametrize("profile", ["3.13", "4.2"])
def test_an_impersonator_may_publish_in_any_name(profile: str) -> None:
    guest = opened(profile=profile)
    guest.send(1, Queue.Declare(queue="tasks", durable=True))
    guest.broker.users.add(user_with("anna", "secret", "impersonator"))
    client = WireClient(guest.server).connect(user="anna", password="secret").open_channel(1)
    client.publish(1, "", "tasks", b"another's", user_id="bert")
    assert waiting(client) == [(b"another's", False)]


@pytest.mark.parametrize(("profile", "taken"), [("3.13", False), ("4.2", True)])
def test_a_delivery_mode_without_a_meaning_is_transient_since_4_0(profile: str, taken: bool) -> None:
    client = with_queue(profile=profile)
    client.publish(1, "", "tasks", b"body", delivery_mode=7)
    assert (waiting(client) == [(b"body", False)]) == taken
    if not taken:
        assert closed(client)[1] == "PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,7}"


# CC and BCC


def copies(*queues: str, **headers: object) -> tuple[WireClient, list[Received]]:
    """A message to `tasks` with headers, and what a consumer of each queue gets."""
    client = with_queue()
    for queue in queues:
        client.send(1, Queue.Declare(queue=queue, nowait=True))
    table: Table = from_python(headers).value
    client.publish(1, "", "tasks", b"body", headers=table)
    for queue in ("tasks", *queues):
        consume(client, queue, name=queue)
    return client, [event for event in client.take() if isinstance(event, Received)]


def test_cc_and_bcc_are_further_keys_and_only_cc_is_shown() -> None:
    _, received = copies("open", "hidden", CC=["open"], BCC=["hidden"], other=1)
    assert [event.method.consumer_tag for event in received] == ["tasks", "open", "hidden"]
    for event in received:
        assert event.method.routing_key == "tasks"
        assert list(event.properties.headers or {}) == ["CC", "other"]


def test_a_queue_that_many_keys_lead_to_gets_one_copy() -> None:
    _, received = copies(CC=["tasks", "tasks"], BCC=["tasks", "nowhere"])
    assert len(received) == 1


@pytest.mark.parametrize("name", ["CC", "BCC"])
def test_cc_and_bcc_have_to_be_arrays(name: str) -> None:
    client, received = copies(**{name: "open"})
    assert isinstance(received[-1].method, Channel.Close)
    assert received[-1].method.reply_text.startswith(
        f'PRECONDITION_FAILED - invalid message: {{unacceptable_type_in_header,"{name}",longstr'
    )
    assert count(client) == 0


def test_a_message_goes_on_as_usual_after_one_with_bcc() -> None:
    client, received = copies(BCC=["tasks"])
    client.feed(publishes(3))
    assert len(received) == 1
    assert bodies(client) == "body body body"
