"""Who may do what: every method, with and without the permission that it needs; what a change does to the connected."""

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pika
import pytest
from pamqp import commands
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from interop_tests.administrator import Administrator
from interop_tests.wire import Wire

CONFIGURE, WRITE, READ = "configure", "write", "read"
ALL = {CONFIGURE: ".*", WRITE: ".*", READ: ".*"}


class Place(NamedTuple):
    """A virtual host of this module's own with a user in it, whose password is `secret`."""

    vhost: str
    user: str


class Need(NamedTuple):
    """A permission that a method needs: for a queue or an exchange of that name."""

    permission: str
    kind: str
    name: str


class Case(NamedTuple):
    """What a client sends, and all that it needs, in the order in which that is looked at."""

    word: str
    method: Any
    needs: tuple[Need, ...]


DEAD_LETTERS = {"x-dead-letter-exchange": "dead"}
CASES = (
    Case("declare queue", commands.Queue.Declare(0, "new", durable=True), (Need(CONFIGURE, "queue", "new"),)),
    Case("declare queue again", commands.Queue.Declare(0, "tasks", durable=True), (Need(CONFIGURE, "queue", "tasks"),)),
    Case(
        "declare queue with dead letters",
        commands.Queue.Declare(0, "dying", durable=True, arguments=DEAD_LETTERS),
        (Need(CONFIGURE, "queue", "dying"), Need(READ, "queue", "dying"), Need(WRITE, "exchange", "dead")),
    ),
    Case(
        "bind queue",
        commands.Queue.Bind(0, "tasks", "logs", "a.b"),
        (Need(WRITE, "queue", "tasks"), Need(READ, "exchange", "logs")),
    ),
    Case(
        "unbind queue",
        commands.Queue.Unbind(0, "tasks", "logs", "a.b"),
        (Need(WRITE, "queue", "tasks"), Need(READ, "exchange", "logs")),
    ),
    Case("purge", commands.Queue.Purge(0, "tasks"), (Need(READ, "queue", "tasks"),)),
    Case("get", commands.Basic.Get(0, "tasks"), (Need(READ, "queue", "tasks"),)),
    Case("consume", commands.Basic.Consume(0, "tasks", "c"), (Need(READ, "queue", "tasks"),)),
    Case("delete queue", commands.Queue.Delete(0, "old"), (Need(CONFIGURE, "queue", "old"),)),
    Case("declare exchange", commands.Exchange.Declare(0, "new", "direct"), (Need(CONFIGURE, "exchange", "new"),)),
    Case(
        "declare exchange again", commands.Exchange.Declare(0, "logs", "topic"), (Need(CONFIGURE, "exchange", "logs"),)
    ),
    Case(
        "declare exchange with alternate",
        commands.Exchange.Declare(0, "leaky", "direct", arguments={"alternate-exchange": "others"}),
        (Need(CONFIGURE, "exchange", "leaky"), Need(READ, "exchange", "leaky"), Need(WRITE, "exchange", "others")),
    ),
    Case(
        "bind exchange",
        commands.Exchange.Bind(0, "amq.fanout", "logs", "a.b"),
        (Need(WRITE, "exchange", "amq.fanout"), Need(READ, "exchange", "logs")),
    ),
    Case(
        "unbind exchange",
        commands.Exchange.Unbind(0, "amq.fanout", "logs", "a.b"),
        (Need(WRITE, "exchange", "amq.fanout"), Need(READ, "exchange", "logs")),
    ),
    Case("delete exchange", commands.Exchange.Delete(0, "old"), (Need(CONFIGURE, "exchange", "old"),)),
    Case("publish", commands.Basic.Publish(0, "logs", "a.b"), (Need(WRITE, "exchange", "logs"),)),
    Case(
        "publish to the default exchange",
        commands.Basic.Publish(0, "", "tasks"),
        (Need(WRITE, "exchange", "amq.default"),),
    ),
    Case("qos", commands.Basic.Qos(0, 1), ()),
    Case("begin transactions", commands.Tx.Select(), ()),
    Case("begin confirms", commands.Confirm.Select(), ()),
    Case("ask for a reply name", commands.Basic.Consume(0, "amq.rabbitmq.reply-to", "r", no_ack=True), ()),
    Case("look up a reply name", commands.Queue.Declare(0, "amq.rabbitmq.reply-to", passive=True), ()),
)
LOOKED_UP = (
    Case("look up queue", commands.Queue.Declare(0, "tasks", passive=True), (Need(CONFIGURE, "queue", "tasks"),)),
    Case(
        "look up exchange", commands.Exchange.Declare(0, "logs", passive=True), (Need(CONFIGURE, "exchange", "logs"),)
    ),
)
LACKING = [
    pytest.param(case, need, id=f"{case.word}, {need.permission} {need.kind}") for case in CASES for need in case.needs
]
by_word = pytest.mark.parametrize("case", CASES, ids=lambda case: case.word)
looked_up = pytest.mark.parametrize("case", LOOKED_UP, ids=lambda case: case.word)


@pytest.fixture(scope="module")
def place(administrator: Administrator) -> Iterator[Place]:
    name = f"interop-{uuid.uuid4().hex[:8]}"
    administrator.put("vhosts", name)
    administrator.put("users", name, password="secret", tags="")
    yield Place(name, name)
    administrator.delete("vhosts", name)
    administrator.delete("users", name)


@pytest.fixture
def things(amqp_url: str, place: Place) -> None:
    """What the methods are about; guest may do everything where guest has made the virtual host."""
    wire = Wire(amqp_url, vhost=place.vhost)
    wire.call(1, commands.Queue.Declare(0, "tasks", durable=True), commands.Queue.DeclareOk)
    wire.call(1, commands.Queue.Purge(0, "tasks"), commands.Queue.PurgeOk)
    wire.call(1, commands.Queue.Declare(0, "old", durable=True), commands.Queue.DeclareOk)
    for exchange, kind in (("logs", "topic"), ("old", "direct")):
        wire.call(1, commands.Exchange.Declare(0, exchange, kind), commands.Exchange.DeclareOk)
    for queue in ("new", "dying"):
        wire.call(1, commands.Queue.Delete(0, queue), commands.Queue.DeleteOk)
    for exchange in ("new", "leaky"):
        wire.call(1, commands.Exchange.Delete(0, exchange), commands.Exchange.DeleteOk)
    wire.close()


def patterns(needs: tuple[Need, ...]) -> dict[str, str]:
    """The permissions that are just these."""
    names: dict[str, list[str]] = {}
    for need in needs:
        names.setdefault(need.permission, []).append(need.name.replace(".", "[.]"))
    return {permission: f"^({'|'.join(which)})$" for permission, which in names.items()}


def answer(wire: Wire, method: Any) -> Any:
    """What a method is answered with; a publish is waited for by a method that needs nothing."""
    if isinstance(method, commands.Basic.Publish):
        wire.publish(method.exchange, method.routing_key, b"body")
        wire.send(1, commands.Basic.Qos(0, 0))
    else:
        wire.send(1, method)
    return wire.method(1)


def refusal(what: str, permission: str, place: Place, series: tuple[int, int]) -> str:
    """RabbitMQ says since 3.12 which permission is missing; profile 3.13 is what 3.10 says."""
    prefix = f"{permission} " if series >= (4, 0) else ""
    return f"ACCESS_REFUSED - {prefix}access to {what} in vhost '{place.vhost}' refused for user '{place.user}'"


def logged_in(amqp_url: str, place: Place, password: str = "secret") -> pika.BlockingConnection:
    parameters = pika.URLParameters(amqp_url)
    parameters.virtual_host = place.vhost
    parameters.credentials = pika.PlainCredentials(place.user, password)
    parameters.socket_timeout = 5
    return pika.BlockingConnection(parameters)


@by_word
def test_who_has_what_is_needed_may(
    amqp_url: str, administrator: Administrator, place: Place, things: None, case: Case
) -> None:
    administrator.permit(place.user, place.vhost, **patterns(case.needs))
    wire = Wire(amqp_url, login=(place.user, "secret"), vhost=place.vhost)
    told = answer(wire, case.method)
    assert not isinstance(told, commands.Channel.Close | commands.Connection.Close), told.reply_text
    wire.close()


@pytest.mark.parametrize(("case", "need"), LACKING)
def test_who_lacks_one_of_it_may_not(
    amqp_url: str,
    administrator: Administrator,
    place: Place,
    things: None,
    series: tuple[int, int],
    case: Case,
    need: Need,
) -> None:
    administrator.permit(place.user, place.vhost, **patterns(tuple(one for one in case.needs if one != need)))
    wire = Wire(amqp_url, login=(place.user, "secret"), vhost=place.vhost)
    told = answer(wire, case.method)
    text = refusal(f"{need.kind} '{need.name}'", need.permission, place, series)
    assert (told.reply_code, told.reply_text) == (403, text)
    wire.close()


@looked_up
def test_looking_up_needs_one_permission_since_4_2(
    amqp_url: str, administrator: Administrator, place: Place, things: None, series: tuple[int, int], case: Case
) -> None:
    administrator.permit(place.user, place.vhost)
    wire = Wire(amqp_url, login=(place.user, "secret"), vhost=place.vhost)
    told = answer(wire, case.method)
    (need,) = case.needs
    if series >= (4, 2):
        text = refusal(f"{need.kind} '{need.name}'", need.permission, place, series)
        assert (told.reply_code, told.reply_text) == (403, text)
    else:
        assert isinstance(told, commands.Queue.DeclareOk | commands.Exchange.DeclareOk)
    wire.close()


@looked_up
@pytest.mark.parametrize("permission", [CONFIGURE, WRITE, READ])
def test_any_permission_is_enough_to_look_up(
    amqp_url: str, administrator: Administrator, place: Place, things: None, case: Case, permission: str
) -> None:
    (need,) = case.needs
    administrator.permit(place.user, place.vhost, **patterns((need._replace(permission=permission),)))
    wire = Wire(amqp_url, login=(place.user, "secret"), vhost=place.vhost)
    assert isinstance(answer(wire, case.method), commands.Queue.DeclareOk | commands.Exchange.DeclareOk)
    wire.close()


# Topics


@pytest.fixture
def topics(administrator: Administrator, place: Place, things: None) -> Iterator[None]:
    """The user may do everything, but publish only what begins with its name, and bind only what begins with a."""
    administrator.permit(place.user, place.vhost, **ALL)
    administrator.permit_topics(place.user, place.vhost, "logs", write="^{username}[.]", read="^a")
    yield
    administrator.delete("topic-permissions", place.vhost, place.user)


def test_a_topic_is_published_to_by_those_who_may(
    amqp_url: str, place: Place, topics: None, series: tuple[int, int]
) -> None:
    channel = logged_in(amqp_url, place).channel()
    channel.confirm_delivery()
    channel.basic_publish("logs", f"{place.user}.new", b"body")
    channel.basic_publish("amq.topic", "any", b"body")
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_publish("logs", "others.new", b"body")
    assert closed.value.args == (403, refusal("topic 'others.new' in exchange 'logs'", WRITE, place, series))
    channel.connection.close()


@pytest.mark.parametrize("method", ["bind", "unbind"])
@pytest.mark.parametrize("kind", ["queue", "exchange"])
def test_a_topic_is_bound_to_by_those_who_may(
    amqp_url: str, place: Place, topics: None, series: tuple[int, int], kind: str, method: str
) -> None:
    channel = logged_in(amqp_url, place).channel()
    ends = (
        {"queue": "tasks", "exchange": "logs"} if kind == "queue" else {"destination": "amq.fanout", "source": "logs"}
    )
    call = getattr(channel, f"{kind}_{method}")
    call(**ends, routing_key="a.b")
    with pytest.raises(ChannelClosedByBroker) as closed:
        call(**ends, routing_key="b.a")
    assert closed.value.args == (403, refusal("topic 'b.a' in exchange 'logs'", READ, place, series))
    channel.connection.close()


# Logging in


def test_a_virtual_host_is_closed_to_those_without_permissions(
    amqp_url: str, administrator: Administrator, place: Place
) -> None:
    administrator.delete("permissions", place.vhost, place.user)
    with pytest.raises(ProbableAccessDeniedError) as refused:
        logged_in(amqp_url, place)
    assert f"NOT_ALLOWED - access to vhost '{place.vhost}' refused for user '{place.user}'" in str(refused.value)


def test_a_new_password_counts_from_the_next_login_on(
    amqp_url: str, administrator: Administrator, place: Place
) -> None:
    administrator.permit(place.user, place.vhost, **ALL)
    before = logged_in(amqp_url, place)
    administrator.put("users", place.user, password="other", tags="")
    assert before.channel().queue_declare("", exclusive=True).method.queue
    with pytest.raises(ProbableAuthenticationError):
        logged_in(amqp_url, place)
    logged_in(amqp_url, place, "other").close()
    before.close()
    administrator.put("users", place.user, password="secret", tags="")


def test_a_password_moves_as_a_hash(amqp_url: str, administrator: Administrator, place: Place) -> None:
    administrator.permit(place.user, place.vhost, **ALL)
    # RabbitMQ's documentation has this one: test12.
    password_hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    administrator.put("users", place.user, password_hash=password_hash, tags="")
    logged_in(amqp_url, place, "test12").close()
    administrator.put("users", place.user, password="secret", tags="")


def test_an_impersonator_publishes_in_any_name(amqp_url: str, administrator: Administrator, place: Place) -> None:
    administrator.permit(place.user, place.vhost, **ALL)
    administrator.put("users", place.user, password="secret", tags="impersonator")
    channel = logged_in(amqp_url, place).channel()
    channel.confirm_delivery()
    channel.basic_publish("", "nobody", b"body", pika.BasicProperties(user_id="another"))
    channel.connection.close()
    administrator.put("users", place.user, password="secret", tags="")


# Who is connected


@pytest.mark.parametrize("kind", ["user", "vhost"])
def test_with_a_user_or_a_virtual_host_go_the_connections(
    amqp_url: str, administrator: Administrator, kind: str
) -> None:
    name = f"interop-{uuid.uuid4().hex[:8]}"
    administrator.put("vhosts", name)
    administrator.put("users", name, password="secret", tags="")
    administrator.permit(name, name, **ALL)
    connection = logged_in(amqp_url, Place(name, name))
    administrator.delete(f"{kind}s", name)
    with pytest.raises(ConnectionClosedByBroker) as closed:
        connection.process_data_events(5)
    # RabbitMQ has two processes close the connections of a virtual host: the first one's word counts.
    said = (f"CONNECTION_FORCED - {kind} '{name}' is deleted", f"CONNECTION_FORCED - vhost '{name}' is down")
    assert closed.value.reply_code == 320
    assert closed.value.reply_text in said
    administrator.delete("vhosts", name)
    administrator.delete("users", name)


def test_what_is_withdrawn_is_refused_to_who_is_connected(
    amqp_url: str, administrator: Administrator, place: Place, things: None
) -> None:
    administrator.permit(place.user, place.vhost, **ALL)
    connection = logged_in(amqp_url, place)
    connection.channel().queue_declare("tasks", durable=True)
    administrator.permit(place.user, place.vhost)
    # RabbitMQ's channels remember what was allowed: a new one has nothing to remember.
    with pytest.raises(ChannelClosedByBroker) as closed:
        connection.channel().basic_get("tasks")
    assert closed.value.reply_code == 403
    connection.close()


def test_consumers_go_on_when_reading_is_withdrawn(
    amqp_url: str, administrator: Administrator, place: Place, things: None
) -> None:
    administrator.permit(place.user, place.vhost, **ALL)
    channel = logged_in(amqp_url, place).channel()
    received: list[bytes] = []
    channel.basic_consume("tasks", lambda *delivered: received.append(delivered[3]), auto_ack=True)
    administrator.permit(place.user, place.vhost)
    guest = Wire(amqp_url, vhost=place.vhost)
    guest.publish("", "tasks", b"late")
    channel.connection.process_data_events(5)
    assert received == [b"late"]
    guest.close()
    channel.connection.close()
