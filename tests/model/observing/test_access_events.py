"""What is told, and logged, of users, virtual hosts and permissions; headers as recorded from RabbitMQ 3.10.8."""

import pytest

from tests.helpers.events import events, observer
from tests.helpers.wire_client import MemoryServer


def test_users_are_told() -> None:
    client = observer()
    users, by = client.broker.users, {"user_who_performed_action": "guest", "name": "carl"}
    users.set("carl", password="a", user="guest")
    users.set("carl", password="b", tags=["administrator", "own"], user="guest")
    users.set("carl", user="guest")
    client.broker.delete_user("carl", "guest")
    assert events(client) == [
        ("user.created", by),
        ("user.password.changed", by),
        ("user.tags.set", by | {"tags": ["administrator", "own"]}),
        ("user.password.cleared", by),
        ("user.tags.set", by | {"tags": []}),
        ("user.deleted", by),
    ]


def test_who_has_changed_what_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "amqpbroker.access")
    broker = MemoryServer().broker
    broker.users.set("carl", password="wort", tags=["monitoring"], user="guest")
    broker.permissions.set("carl", "/", configure="c", write="w", read="", user="guest")
    broker.users.set("dora", password="wort")
    assert [record.getMessage() for record in caplog.records] == [
        "user.created by user 'guest': name 'carl'",
        "user.tags.set by user 'guest': tags ('monitoring',), name 'carl'",
        "permission.created by user 'guest': read '', write 'w', configure 'c', vhost '/', user 'carl'",
    ]


def test_limits_of_users_are_told() -> None:
    client = observer()
    quotas = client.broker.quotas
    quotas.set_user_limits("anna", {"max-channels": 5}, acting_user="guest")
    quotas.clear_user_limit("anna", "max-channels", acting_user="guest")
    about = {"username": "anna", "user_who_performed_action": "guest", "name": "limits"}
    assert events(client) == [("user.limits.set", {"max-channels": 5} | about), ("user.limits.cleared", about)]


def test_permissions_are_told_again_whenever_they_are_set() -> None:
    client = observer()
    by = {"user_who_performed_action": "guest", "vhost": "/", "user": "anna"}
    patterns = {"read": "r", "write": "w", "configure": "c"}
    for _ in range(2):
        client.broker.permissions.set("anna", "/", configure="c", write="w", read="r", user="guest")
    client.broker.permissions.clear("anna", "/", "guest")
    topics = client.broker.topic_permissions
    topics.set("anna", "/", "amq.topic", write="w", read="r", user="guest")
    topics.clear("anna", "/", user="guest")
    assert events(client) == [
        *2 * [("permission.created", by | patterns)],
        ("permission.deleted", by),
        ("topic.permission.created", by | {"read": "r", "write": "w", "exchange": "amq.topic"}),
        ("topic.permission.deleted", by),
    ]


def test_virtual_hosts_are_told() -> None:
    client = observer(key="vhost.#")
    vhost = client.broker.create_vhost("v", description="d", tags=["a", "b"], user="guest")
    vhost.set_metadata(description="", tags=(), default_queue_type="quorum", user="guest")
    client.broker.delete_vhost("v", "guest")
    about = {
        "user_who_performed_action": "guest",
        "cluster_state": {"rabbit@localhost": "running"},
        "tracing": False,
        "name": "v",
    }
    first = {"tags": ["a", "b"], "description": "d", "default_queue_type": "undefined"}
    second = {"tags": [], "description": "", "default_queue_type": "quorum"}
    metadata = '#{default_queue_type => <<"quorum">>,description => <<>>,tags => []}'
    assert events(client) == [
        ("vhost.created", about | first | {"metadata": '#{description => <<"d">>,tags => [a,b]}'}),
        ("vhost.updated", about | second | {"metadata": metadata}),
        ("vhost.deleted", {"user_who_performed_action": "guest", "name": "v"}),
    ]
