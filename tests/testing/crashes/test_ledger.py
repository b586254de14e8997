"""What publishers were told is safe, held against what a broker has."""

import pytest

from amqpbroker.model.message import DIED, PERSISTENT
from amqpbroker.testing.crashes.ledger import Ledger, SurvivalError

PUBLISHED = b"\x06orders\x03new"


def message(body: bytes, flags: int = PERSISTENT):
    return (PUBLISHED, b"", body, flags)


def put_into(broker, queue: str, *bodies: bytes, flags: int = PERSISTENT):
    """Puts messages into a durable queue of a broker in memory; gives its server."""

    def put():
        vhost = broker.server.broker.vhosts["/"]
        vhost.queues[queue].extend([message(body, flags) for body in bodies])
        return broker.server

    return put


@pytest.fixture
def durable(broker, channel):
    channel.queue_declare("orders", durable=True)
    channel.queue_declare("dead", durable=True)
    return broker


def test_what_is_there_again_has_survived_and_what_is_not_is_told(durable):
    ledger = Ledger()
    for position, body in enumerate((b"1", b"2", b"2"), 1):
        ledger.confirm("/", [("orders", position)], message(body))
    server = durable.ask(put_into(durable, "orders", b"1", b"2", b"2", b"never confirmed"))
    durable.ask(ledger.ended, server)
    durable.ask(ledger.started, server)
    ledger.check()
    durable.ask(lambda: server.broker.vhosts["/"].queues["orders"].drop(2))
    durable.ask(ledger.started, server)
    with pytest.raises(SurvivalError) as caught:
        ledger.check()
    told = (
        "2 of 3 confirmed messages did not survive:\nqueue 'orders' of virtual host '/': 3 confirmed and not settled,\n"
    )
    assert str(caught.value).startswith(
        told + "  2 there, and not there\n    b'1' (exchange 'orders', routing key 'new')"
    )


def test_what_was_settled_before_the_end_is_owed_to_nobody(durable):
    ledger = Ledger()
    ledger.confirm("/", [("orders", 1)], message(b"acknowledged"))
    durable.ask(ledger.ended, durable.server)
    durable.ask(ledger.started, durable.server)
    ledger.check()
    assert ledger.confirmed == []


def test_a_dead_letter_may_be_where_it_came_from_or_where_it_went_and_has_to_be_somewhere(durable):
    ledger = Ledger()
    ledger.confirm("/", [("orders", 1)], message(b"late"))
    server = durable.ask(put_into(durable, "dead", b"late", flags=PERSISTENT | DIED))
    durable.ask(ledger.ended, server)
    durable.ask(ledger.started, server)
    ledger.check()
    durable.ask(server.broker.vhosts["/"].queues["dead"].purge)
    durable.ask(put_into(durable, "orders", b"late"))
    durable.ask(ledger.started, server)
    ledger.check()
    durable.ask(server.broker.vhosts["/"].queues["orders"].purge)
    durable.ask(ledger.started, server)
    with pytest.raises(SurvivalError, match="1 of 1 confirmed messages did not survive"):
        ledger.check()


def test_another_message_of_the_same_body_is_another(durable):
    ledger = Ledger()
    ledger.confirm("/", [("orders", 7)], message(b"same"))
    server = durable.ask(put_into(durable, "orders", b"same"))
    durable.ask(ledger.ended, server)
    durable.ask(server.broker.vhosts["/"].queues["orders"].purge)
    durable.ask(ledger.started, server)
    ledger.check()
