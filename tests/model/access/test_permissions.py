"""What a user may do, by patterns over names and routing keys."""

import pytest

from amqpbroker.model.access.permissions import Permission, TopicPermission
from amqpbroker.model.access.users import INSIDER
from amqpbroker.model.broker import Broker
from amqpbroker.model.policies.validation import InvalidParameterError
from tests.helpers.wire_client import MemoryServer

KINDS = ("configure", "write", "read")


@pytest.fixture
def broker() -> Broker:
    return MemoryServer().broker


@pytest.mark.parametrize(
    ("pattern", "name", "allowed"),
    [
        (".*", "tasks", True),
        (".*", "", True),
        ("", "tasks", False),
        ("^$", "tasks", False),
        ("^tasks$", "tasks", True),
        ("^tasks$", "tasks2", False),
        ("ask", "tasks", True),
        ("^(tasks|amq.default)$", "amq.default", True),
        ("[[:digit:]]", "tasks2", True),
        ("ü", "müde", True),
        ("^t.sks$", "täsks", False),
    ],
)
def test_a_pattern_is_looked_for_in_the_octets_of_a_name(pattern: str, name: str, allowed: bool) -> None:
    permission = Permission("anna", "/", configure=pattern, write=pattern, read=pattern)
    assert [permission.allows(kind, name) for kind in KINDS] == [allowed] * 3


def test_each_kind_has_its_own_pattern() -> None:
    permission = Permission("anna", "/", configure="^c", write="^w", read="^r")
    allowed = {
        kind: [name for name in "cwr" if permission.allows(kind, name)] for kind in ("configure", "write", "read")
    }
    assert allowed == {"configure": ["c"], "write": ["w"], "read": ["r"]}


@pytest.mark.parametrize(
    ("user", "pattern", "routing_key", "allowed"),
    [
        ("anna", "^{username}\\.", "anna.new", True),
        ("anna", "^{username}\\.", "bert.new", False),
        ("anna", "^{vhost}$", "/", True),
        ("a.*", "^{username}$", "a.*", True),
        ("a.*", "^{username}$", "anna", False),
        ("{vhost}", "^{username}$", "{vhost}", True),
        ("anna", "{client_id}", "{client_id}", True),
        ("anna", "", "", True),
        ("anna", "", "new", False),
    ],
)
def test_variables_stand_for_names_as_they_are(user: str, pattern: str, routing_key: str, allowed: bool) -> None:
    permission = TopicPermission(user, "/", "amq.topic", write=pattern, read=pattern)
    assert permission.allows("write", routing_key) is allowed
    assert permission.allows("read", routing_key) is allowed


@pytest.mark.parametrize("wrong", ["*", "(", "[a", "a" * 1_025])
def test_what_is_no_regular_expression_is_refused_and_changes_nothing(broker: Broker, wrong: str) -> None:
    before = broker.permissions.get("anna", "/")
    with pytest.raises(InvalidParameterError, match="regular expression"):
        broker.permissions.set("anna", "/", configure=".*", write=".*", read=wrong)
    with pytest.raises(InvalidParameterError, match="regular expression"):
        broker.topic_permissions.set("anna", "/", "amq.topic", write=wrong, read="")
    assert broker.permissions.get("anna", "/") is before
    assert broker.topic_permissions.get("anna", "/", "amq.topic") is None


def test_permissions_are_listed_by_user_and_by_virtual_host(broker: Broker) -> None:
    broker.create_vhost("other")
    assert broker.permissions.set("anna", "other", configure="", write="", read="a")
    assert not broker.permissions.set("anna", "other", configure="", write="", read="b")
    anna = [Permission("anna", "/", ".*", ".*", ".*"), Permission("anna", "other", "", "", "b")]
    assert broker.permissions.of_user("anna") == anna
    assert broker.permissions.of_vhost("other") == anna[1:]
    assert [(one.vhost, one.user) for one in broker.permissions] == [("/", "anna"), ("/", "guest"), ("other", "anna")]


def test_topic_permissions_are_listed_by_user_and_by_virtual_host(broker: Broker) -> None:
    for exchange in ("b", "a"):
        assert broker.topic_permissions.set("anna", "/", exchange, write="w", read="r")
    assert not broker.topic_permissions.set("anna", "/", "a", write="", read="")
    anna = [TopicPermission("anna", "/", "a", "", ""), TopicPermission("anna", "/", "b", "w", "r")]
    assert list(broker.topic_permissions) == anna
    assert (broker.topic_permissions.of_user("anna"), broker.topic_permissions.of_user("guest")) == (anna, [])
    assert (broker.topic_permissions.of_vhost("/"), broker.topic_permissions.of_vhost("other")) == (anna, [])


def test_whoever_keeps_decisions_sees_every_change(broker: Broker) -> None:
    vhost = broker.vhosts["/"]
    for change in (
        lambda: broker.permissions.set("anna", "/", configure="", write="", read=""),
        lambda: broker.permissions.clear("guest", "/"),
        lambda: broker.topic_permissions.set("anna", "/", "a", write="", read=""),
        lambda: broker.topic_permissions.clear("anna", "/", "a"),
        lambda: broker.delete_user("anna"),
    ):
        before = vhost.version
        change()
        assert vhost.version > before


def test_what_is_not_set_cannot_be_cleared(broker: Broker) -> None:
    assert not broker.permissions.clear("nobody", "/")
    assert not broker.topic_permissions.clear("anna", "/")


def test_all_topic_permissions_of_a_user_are_cleared_together(broker: Broker) -> None:
    for exchange in "ab":
        broker.topic_permissions.set("anna", "/", exchange, write="w", read="r")
    broker.topic_permissions.set("guest", "/", "a", write="w", read="r")
    broker.topic_permissions.clear("anna", "/")
    assert [one.user for one in broker.topic_permissions] == ["guest"]


def test_the_brokers_own_programs_may_do_everything_and_stand_in_no_list(broker: Broker) -> None:
    broker.permissions.set(INSIDER.name, "/", configure="", write="", read="")
    found = broker.permissions.get(INSIDER.name, "/")
    assert found is not None
    assert all(found.allows(kind, "tasks") for kind in KINDS)
    assert INSIDER.name not in [one.user for one in broker.permissions]
