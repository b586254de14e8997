"""Every method needs what its row says, no more and no less; a method without a row is refused."""

from collections.abc import Iterator

import pytest

from amqpbroker.model.access.permissions import CONFIGURE, READ, WRITE
from amqpbroker.session.authorize import ANY, ROWS, TOPIC, Need
from amqpbroker.session.channel import HANDLERS
from amqpbroker.wire import methods
from amqpbroker.wire.methods import METHODS, Access, Basic, Confirm, Connection, Exchange, Method, Queue, Tx
from amqpbroker.wire.tables import Table, from_python, long_string
from tests.helpers.sessions import fault, opened
from tests.helpers.users import allow
from tests.helpers.wire_client import Received, WireClient

# What a server sends, and what RabbitMQ does not know on a channel of AMQP 0-9-1.
OF_SERVERS = {
    *(Connection.Start, Connection.Secure, Connection.Tune, Connection.OpenOk, Connection.UpdateSecretOk),
    *(Connection.Blocked, Connection.Unblocked, methods.Channel.OpenOk, Access.RequestOk, Confirm.SelectOk),
    *(Exchange.DeclareOk, Exchange.DeleteOk, Exchange.BindOk, Exchange.UnbindOk),
    *(Queue.DeclareOk, Queue.DeleteOk, Queue.BindOk, Queue.UnbindOk, Queue.PurgeOk),
    *(Basic.QosOk, Basic.ConsumeOk, Basic.CancelOk, Basic.GetOk, Basic.GetEmpty, Basic.Return, Basic.Deliver),
    *(Basic.RecoverOk, Tx.SelectOk, Tx.CommitOk, Tx.RollbackOk),
}
UNKNOWN = {METHODS[60, number] for number in (200, 201, 202)}
DEAD_LETTERS: Table = {"x-dead-letter-exchange": long_string("dead")}
ALTERNATE: Table = {"alternate-exchange": long_string("others")}

# A method, and what its row's roles stand for in it.
Case = tuple[Method, dict[str, str]]
CASES: dict[str, Case] = {
    "declare exchange": (Exchange.Declare(exchange="new", exchange_type="direct"), {"exchange": "new"}),
    "declare exchange again": (Exchange.Declare(exchange="logs", exchange_type="topic"), {"exchange": "logs"}),
    "declare exchange with alternate": (
        Exchange.Declare(exchange="new", exchange_type="direct", arguments=ALTERNATE),
        {"exchange": "new", "alternate": "others"},
    ),
    "look up exchange": (Exchange.Declare(exchange="logs", passive=True), {"exchange": "logs"}),
    "delete exchange": (Exchange.Delete(exchange="logs"), {"exchange": "logs"}),
    "bind exchange": (
        Exchange.Bind(source="logs", destination="amq.fanout", routing_key="a.b"),
        {"source": "logs", "destination": "amq.fanout"},
    ),
    "unbind exchange": (
        Exchange.Unbind(source="logs", destination="amq.fanout", routing_key="a.b"),
        {"source": "logs", "destination": "amq.fanout"},
    ),
    "declare queue": (Queue.Declare(queue="new", durable=True), {"queue": "new"}),
    "declare queue again": (Queue.Declare(queue="tasks", durable=True), {"queue": "tasks"}),
    "declare queue with dead letters": (
        Queue.Declare(queue="new", durable=True, arguments=DEAD_LETTERS),
        {"queue": "new", "dead_letter_exchange": "dead"},
    ),
    "look up queue": (Queue.Declare(queue="tasks", passive=True), {"queue": "tasks"}),
    "bind queue": (
        Queue.Bind(queue="tasks", exchange="logs", routing_key="a.b"),
        {"source": "logs", "destination": "tasks"},
    ),
    "unbind queue": (
        Queue.Unbind(queue="tasks", exchange="logs", routing_key="a.b"),
        {"source": "logs", "destination": "tasks"},
    ),
    "purge": (Queue.Purge(queue="tasks"), {"queue": "tasks"}),
    "delete queue": (Queue.Delete(queue="tasks"), {"queue": "tasks"}),
    "consume": (Basic.Consume(queue="tasks", consumer_tag="c"), {"queue": "tasks"}),
    "get": (Basic.Get(queue="tasks"), {"queue": "tasks"}),
    "publish": (Basic.Publish(exchange="logs", routing_key="a.b"), {"exchange": "logs"}),
    "publish to the default exchange": (Basic.Publish(exchange="", routing_key="tasks"), {"exchange": ""}),
    "flow": (methods.Channel.Flow(active=True), {}),
    "ticket": (Access.Request(), {}),
    "qos": (Basic.Qos(prefetch_count=1), {}),
    "cancel": (Basic.Cancel(consumer_tag="nobody"), {}),
    "ack": (Basic.Ack(multiple=True), {}),
    "nack": (Basic.Nack(multiple=True), {}),
    "reject": (Basic.Reject(delivery_tag=1), {}),
    "recover": (Basic.Recover(requeue=True), {}),
    "recover async": (Basic.RecoverAsync(requeue=True), {}),
    "begin transactions": (Tx.Select(), {}),
    "commit": (Tx.Commit(), {}),
    "roll back": (Tx.Rollback(), {}),
    "begin confirms": (Confirm.Select(), {}),
}
# Said in the room of the protocol, before anything can be done.
OF_THE_PROTOCOL = {id for id in ROWS if id[0] == 10} | {(20, 10), (20, 21), (20, 40), (20, 41)}


def needs_of(case: Case, series: tuple[int, int] = (4, 2)) -> list[Need]:
    """What the table says that a case needs."""
    method, names = case
    row = ROWS[method.id]
    if getattr(method, "passive", False):
        return [need for need in row.passive if series >= (4, 2) and need.permission == ANY]
    new = row.new if {"alternate", "dead_letter_exchange"} & names.keys() else ()
    return [need for need in (*row.needs, *new) if need.permission in (CONFIGURE, WRITE, READ) and need.kind != TOPIC]


def topic_needs_of(case: Case) -> list[Need]:
    row = ROWS[case[0].id]
    return [need for need in (*row.needs, *row.topics) if need.kind == TOPIC and case[1][need.role] == "logs"]


def worker(profile: str, needs: list[Need], names: dict[str, str], topics: dict[str, str] | None = None) -> WireClient:
    """A client of a user who may only this, beside a queue and a topic exchange that others have declared."""
    guest = opened(profile=profile)
    guest.send(1, Queue.Declare(queue="tasks", durable=True), Exchange.Declare(exchange="logs", exchange_type="topic"))
    guest.publish(1, "", "tasks", b"1")
    patterns = {kind: [] for kind in (CONFIGURE, WRITE, READ)}
    for need in needs:
        patterns[READ if need.permission == ANY else need.permission].append(names[need.role] or "amq[.]default")
    allow(guest.broker, "anna", **{kind: f"^({'|'.join(texts)})$" if texts else "" for kind, texts in patterns.items()})
    if topics is not None:
        guest.broker.topic_permissions.set("anna", "/", "logs", **topics)
    client = WireClient(guest.server).connect(user="anna", password="secret").open_channel(1)
    # Of this needs nothing, and both ways of publishing are waited for by it.
    client.send(1, Basic.Consume(queue="amq.rabbitmq.reply-to", no_ack=True))
    client.take()
    return client


def refused(client: WireClient, method: Method) -> tuple[int, str] | None:
    """The close frame that a method is answered with."""
    if isinstance(method, Basic.Publish):
        client.publish(1, method.exchange, method.routing_key, b"body")
    else:
        client.send(1, method)
    closes = (methods.Channel.Close, Connection.Close)
    told = [event.method for event in client.take() if isinstance(event, Received) and isinstance(event.method, closes)]
    return (told[0].reply_code, told[0].reply_text) if told else None


def lacking() -> Iterator[object]:
    """Each case with each permission that is left out."""
    for profile, series in (("3.13", (3, 13)), ("4.2", (4, 2)), ("4.3", (4, 3))):
        for word, case in CASES.items():
            for need in needs_of(case, series):
                yield pytest.param(profile, series, case, need, id=f"{profile}, {word}, {need.permission} {need.role}")


def test_there_is_a_row_for_every_method_that_clients_send() -> None:
    assert set(ROWS) == {method.id for method in METHODS.values()} - {one.id for one in OF_SERVERS | UNKNOWN}
    assert set(HANDLERS) | {Basic.Publish.id} | OF_THE_PROTOCOL == set(ROWS)


def test_a_method_without_a_row_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ROWS, Basic.Qos.id)
    assert fault(opened(), 1, Basic.Qos()) == (503, "COMMAND_INVALID - unimplemented method")


def test_every_row_has_its_cases() -> None:
    assert {method.id for method, _ in CASES.values()} == set(ROWS) - OF_THE_PROTOCOL
    named = {(case[0].id, need) for case in CASES.values() for need in needs_of(case)}
    asked = {
        (id, need)
        for id, row in ROWS.items()
        for need in (*row.needs, *row.passive, *row.new)
        if need.permission in (CONFIGURE, WRITE, READ, ANY) and need.kind != TOPIC
    }
    assert named == asked


@pytest.mark.parametrize("profile", ["3.13", "4.2", "4.3"])
@pytest.mark.parametrize("word", CASES)
def test_who_has_what_is_needed_may(word: str, profile: str) -> None:
    method, names = CASES[word]
    client = worker(profile, needs_of(CASES[word]), names)
    answer = refused(client, method)
    # Some cannot be done at this moment, which is another matter.
    assert answer is None or answer[0] == 406


@pytest.mark.parametrize(("profile", "series", "case", "need"), list(lacking()))
def test_who_lacks_one_of_it_may_not(profile: str, series: tuple[int, int], case: Case, need: Need) -> None:
    method, names = case
    client = worker(profile, [one for one in needs_of(case, series) if one != need], names)
    name = names[need.role] or "amq.default"
    permission = "" if series < (4, 0) else f"{CONFIGURE if need.permission == ANY else need.permission} "
    text = f"ACCESS_REFUSED - {permission}access to {need.kind} '{name}' in vhost '/' refused for user 'anna'"
    assert refused(client, method) == (403, text)


@pytest.mark.parametrize("profile", ["3.13", "4.2"])
@pytest.mark.parametrize("word", ["bind exchange", "unbind exchange", "bind queue", "unbind queue", "publish"])
def test_topics_of_an_exchange_are_looked_at_where_they_are_set(word: str, profile: str) -> None:
    method, names = CASES[word]
    (need,) = topic_needs_of(CASES[word])
    patterns = {"write": ".*", "read": ".*"}
    allowed = worker(profile, needs_of(CASES[word]), names, patterns | {need.permission: "^a"})
    assert refused(allowed, method) is None
    denied = worker(profile, needs_of(CASES[word]), names, patterns | {need.permission: "^b"})
    permission = "" if profile == "3.13" else f"{need.permission} "
    text = f"{permission}access to topic 'a.b' in exchange 'logs' in vhost '/' refused for user 'anna'"
    assert refused(denied, method) == (403, f"ACCESS_REFUSED - {text}")


@pytest.mark.parametrize(("profile", "may"), [("3.13", True), ("4.2", False), ("4.3", False)])
def test_the_keys_of_cc_are_topics_since_4_0(profile: str, may: bool) -> None:
    client = worker(profile, needs_of(CASES["publish"]), {"exchange": "logs"}, {"write": "^a", "read": ""})
    client.publish(1, "logs", "a.b", b"body", headers=from_python({"CC": ["b.c"]}).value)
    assert (client.methods() == []) is may


@pytest.mark.parametrize("word", ["look up queue", "look up exchange"])
def test_looking_up_needs_nothing_before_4_2(word: str) -> None:
    method, _ = CASES[word]
    assert refused(worker("3.13", [], {}), method) is None


@pytest.mark.parametrize("permission", [CONFIGURE, WRITE, READ])
@pytest.mark.parametrize("word", ["look up queue", "look up exchange"])
def test_looking_up_needs_any_permission_since(word: str, permission: str) -> None:
    method, names = CASES[word]
    (need,) = needs_of(CASES[word])
    assert refused(worker("4.2", [need._replace(permission=permission)], names), method) is None


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (Queue.Declare(queue="amq.mine"), "queue name 'amq.mine' contains reserved prefix 'amq.*'"),
        (Exchange.Declare(exchange="", exchange_type="direct"), "operation not permitted on the default exchange"),
        (Exchange.Delete(exchange=""), "operation not permitted on the default exchange"),
        (Exchange.Delete(exchange="amq.direct"), "deletion of system exchange 'amq.direct' in vhost '/' not allowed"),
        (Queue.Bind(queue="tasks"), "write access to queue 'tasks' in vhost '/' refused for user 'anna'"),
        (
            Basic.Publish(exchange="nosuch"),
            "write access to exchange 'nosuch' in vhost '/' refused for user 'anna'",
        ),
    ],
)
def test_what_is_told_first(method: Method, text: str) -> None:
    assert refused(worker("4.2", [], {}), method) == (403, f"ACCESS_REFUSED - {text}")


def test_a_generated_name_is_one_like_any_other() -> None:
    answer = refused(worker("4.2", [], {}), Queue.Declare(exclusive=True))
    assert answer is not None
    assert answer[1].startswith("ACCESS_REFUSED - configure access to queue 'amq.gen-")


# On a live connection


def test_what_is_withdrawn_is_refused_from_the_next_message_on() -> None:
    client = worker("4.2", needs_of(CASES["publish"]), {"exchange": "logs"})
    publish, _ = CASES["publish"]
    assert refused(client, publish) is None
    allow(client.broker, "anna", configure="", write="", read="")
    answer = refused(client, publish)
    assert answer is not None and answer[0] == 403


def test_a_topic_that_is_withdrawn_is_refused_from_the_next_message_on() -> None:
    client = worker("4.2", needs_of(CASES["publish"]), {"exchange": "logs"})
    publish, _ = CASES["publish"]
    assert refused(client, publish) is None
    client.broker.topic_permissions.set("anna", "/", "logs", write="^b", read="")
    answer = refused(client, publish)
    assert answer is not None and answer[0] == 403


def test_what_is_given_holds_at_once() -> None:
    client = worker("4.2", [], {})
    allow(client.broker, "anna")
    assert refused(client, CASES["publish"][0]) is None


def test_consumers_go_on_when_reading_is_withdrawn() -> None:
    client = worker("4.2", needs_of(CASES["consume"]), {"queue": "tasks"})
    client.send(1, CASES["consume"][0])
    client.take()
    allow(client.broker, "anna", configure="", write="", read="")
    opened(client.server).publish(1, "", "tasks", b"2")
    client.server.finish_turn()
    assert [type(method) for method in client.methods()] == [Basic.Deliver]
