"""Which entries somebody gets; what they may read comes before what they ask for."""

import pytest

from amqpbroker.management.inbox.inbox import Inbox
from amqpbroker.management.inbox.selection import Selection
from amqpbroker.model.access import User
from amqpbroker.model.access.users import INSIDER
from tests.helpers.sessions import with_queue
from tests.helpers.wire_client import WireClient


def with_messages() -> tuple[WireClient, Inbox]:
    """One message in the queue `tasks`, and one that nobody took."""
    client = with_queue()
    inbox = Inbox(client.broker)
    client.publish(1, "", "tasks", b"Some Body")
    client.publish(1, "amq.direct", "lost.key", b"other")
    return client, inbox


def found(client: WireClient, inbox: Inbox, user: User, **query: str) -> list[int]:
    selection = Selection(user, client.broker, query)
    return [entry.id for entry in inbox.entries if selection.takes(entry)]


def user(client: WireClient, name: str, *tags: str, read: str | None = None) -> User:
    broker = client.broker
    broker.users.set(name, password="secret", tags=tags)
    if read is not None:
        broker.permissions.set(name, "/", configure="", write="", read=read)
    known = broker.users.get(name)
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("tag", "read", "expected"),
    [
        ("administrator", None, [1, 2]),
        ("monitoring", None, [1, 2]),
        ("management", None, []),
        ("management", "^tasks$", [1]),
        ("management", "^other$", []),
        ("policymaker", ".*", [1]),
    ],
)
def test_who_may_read_what(tag: str, read: str | None, expected: list[int]) -> None:
    client, inbox = with_messages()
    assert found(client, inbox, user(client, "reader", tag, read=read)) == expected


def test_who_published_what_nobody_took_may_see_it() -> None:
    client, inbox = with_messages()
    guest = user(client, "guest", "management", read="^$")
    assert found(client, inbox, guest) == [2]


def test_the_brokers_own_user_sees_everything() -> None:
    client, inbox = with_messages()
    assert found(client, inbox, INSIDER) == [1, 2]


def test_whose_password_has_changed_or_who_is_gone_sees_nothing() -> None:
    client, inbox = with_messages()
    reader = user(client, "reader", "administrator")
    changed = user(client, "reader", "administrator")
    assert (found(client, inbox, reader), found(client, inbox, changed)) == ([], [1, 2])
    client.broker.delete_user("reader")
    assert found(client, inbox, changed) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 2]),
        ({"vhost": "/"}, [1, 2]),
        ({"vhost": "other"}, []),
        ({"exchange": ""}, [1]),
        ({"exchange": "amq.direct", "routing_key": "lost.key"}, [2]),
        ({"exchange": "amq.direct", "routing_key": "tasks"}, []),
        ({"queue": "tasks"}, [1]),
        ({"search": "some body"}, [1]),
        ({"search": "KEY"}, [2]),
        ({"search": "nothing"}, []),
    ],
)
def test_what_is_asked_for(query: dict[str, str], expected: list[int]) -> None:
    client, inbox = with_messages()
    assert found(client, inbox, user(client, "reader", "administrator"), **query) == expected
