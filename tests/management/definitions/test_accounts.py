"""Users, virtual hosts and permissions out of a document."""

from typing import Any

import pytest

from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.importing import import_definitions
from amqpbroker.model.access.passwords import MD5, SHA256, SHA512, hash_password
from tests.helpers.definitions import empty_server
from tests.helpers.durable import DurableServer

# Of the password "test12", from RabbitMQ's documentation of its hashes.
TEST12 = {"password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR", "hashing_algorithm": SHA256}


@pytest.fixture
def server() -> DurableServer:
    return empty_server()


def with_users(server: DurableServer, *users: dict[str, Any], **document: Any) -> None:
    import_definitions(server.broker, {"users": list(users), **document})


def fault(server: DurableServer, document: dict[str, Any]) -> str:
    with pytest.raises(DefinitionsError) as raised:
        import_definitions(server.broker, document)
    return raised.value.reason


def test_a_user_logs_in_with_the_password_that_was_hashed_elsewhere(server: DurableServer):
    with_users(server, {"name": "anna", "tags": ["monitoring"], **TEST12})
    anna = server.broker.users.authenticate("anna", b"test12")
    assert anna is not None
    assert anna.tags == ("monitoring",)
    assert server.broker.users.authenticate("anna", b"test13") is None


@pytest.mark.parametrize("algorithm", [SHA256, SHA512, MD5])
def test_every_way_of_hashing_is_known(server: DurableServer, algorithm: str):
    hashed = hash_password(b"wort", b"salt", algorithm)
    with_users(server, {"name": "a", "tags": "", "password_hash": hashed, "hashing_algorithm": algorithm})
    assert server.broker.users.authenticate("a", b"wort") is not None


@pytest.mark.parametrize(("version", "algorithm"), [("3.5.8", MD5), ("3.10.8", SHA256), (None, SHA256)])
def test_old_documents_do_not_say_how_they_hashed(server: DurableServer, version: str | None, algorithm: str):
    hashed = hash_password(b"wort", b"salt", algorithm)
    with_users(server, {"name": "a", "tags": "", "password_hash": hashed}, rabbit_version=version)
    assert server.broker.users.authenticate("a", b"wort") is not None


def test_a_password_may_stand_in_clear_and_tags_in_one_text(server: DurableServer):
    with_users(server, {"name": "a", "tags": "administrator, policymaker", "password": "wort"})
    a = server.broker.users.authenticate("a", b"wort")
    assert a is not None
    assert a.tags == ("administrator", "policymaker")


def test_a_user_without_a_password_cannot_log_in_with_one(server: DurableServer):
    with_users(server, {"name": "a", "tags": []})
    assert server.broker.users.authenticate("a", b"") is None
    assert "a" in server.broker.users


def test_a_user_who_is_so_already_is_not_recorded_again(server: DurableServer):
    users = [{"name": "a", "tags": [], "password": "x"}, {"name": "b", "tags": [], "limits": {}, **TEST12}]
    with_users(server, *users, {"name": "c", "tags": []})
    server.commit()
    with_users(server, *users, {"name": "c", "tags": []})
    assert not server.log.is_recording
    with_users(server, users[0] | {"tags": ["monitoring"]})
    assert server.log.is_recording


def test_limits_of_a_user_are_these_and_no_others(server: DurableServer):
    with_users(server, {"name": "a", "tags": [], "limits": {"max-connections": 5, "max-channels": 7}})
    with_users(server, {"name": "a", "tags": []})
    assert server.broker.quotas.user_limits() == {"a": {"max-connections": 5, "max-channels": 7}}
    with_users(server, {"name": "a", "tags": [], "limits": {"max-channels": 8}})
    assert server.broker.quotas.user_limits() == {"a": {"max-channels": 8}}
    with_users(server, {"name": "a", "tags": [], "limits": {}})
    assert server.broker.quotas.user_limits() == {}


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ({"tags": []}, "users[0].name: is missing"),
        ({"name": "a"}, "users[0].tags: tags_not_present"),
        ({"name": "a", "tags": [], "password": "s3cret", **TEST12}, "both_password_and_password_hash_are_provided"),
        ({"name": "a", "tags": [], "password_hash": "s3cret!"}, "users[0]: password_hash is not base64"),
        ({"name": "a", "tags": [], **TEST12, "hashing_algorithm": "rot13"}, "hashing_algorithm rot13 is not known"),
        ({"name": "a", "tags": [], "limits": {"max-queues": 5}}, "users[0]: Unrecognised terms"),
    ],
)
def test_a_wrong_user_is_refused_without_the_password(server: DurableServer, user: dict[str, Any], text: str):
    reason = fault(server, {"users": [user]})
    assert text in reason
    assert "s3cret" not in reason


def test_a_virtual_host_is_as_3_x_and_as_4_x_describe_it(server: DurableServer):
    old = {"name": "old", "description": "3.x", "tags": ["a"], "default_queue_type": "undefined"}
    new = {"name": "new", "metadata": {"description": "4.x", "tags": ["b"], "default_queue_type": "quorum"}}
    import_definitions(server.broker, {"vhosts": [old, new | {"tracing": True}]})
    vhosts = server.broker.vhosts
    assert (vhosts["old"].description, vhosts["old"].tags, vhosts["old"].default_queue_type) == ("3.x", ("a",), None)
    assert (vhosts["new"].description, vhosts["new"].tags) == ("4.x", ("b",))
    assert vhosts["new"].default_queue_type == "quorum"
    assert vhosts["new"].firehose is not None


def test_what_is_not_said_of_a_virtual_host_stays(server: DurableServer):
    server.broker.create_vhost("a", description="mine", tags=["x"])
    server.commit()
    import_definitions(server.broker, {"vhosts": [{"name": "a"}]})
    assert not server.log.is_recording
    import_definitions(server.broker, {"vhosts": [{"name": "a", "tags": ["y"]}]})
    assert (server.broker.vhosts["a"].description, server.broker.vhosts["a"].tags) == ("mine", ("y",))


def test_a_new_virtual_host_is_open_to_the_user_who_imports_it(server: DurableServer):
    server.broker.users.set("anna", password="wort")
    import_definitions(server.broker, {"vhosts": [{"name": "/"}, {"name": "a"}]}, user="anna")
    assert [(one.user, one.vhost, one.write) for one in server.broker.permissions] == [("anna", "a", ".*")]
    import_definitions(server.broker, {"vhosts": [{"name": "b"}]})
    assert server.broker.permissions.of_vhost("b") == []


def test_a_queue_type_that_there_is_not_is_refused(server: DurableServer):
    vhost = {"name": "a", "metadata": {"default_queue_type": "lazy"}}
    assert fault(server, {"vhosts": [vhost]}) == "vhosts[0]: lazy is not a valid queue type"


PERMISSION = {"user": "a", "vhost": "/", "configure": "", "write": "^a", "read": ".*"}
TOPIC_PERMISSION = {"user": "a", "vhost": "/", "exchange": "amq.topic", "write": "^a", "read": ".*"}


def test_permissions_are_of_users_and_virtual_hosts_that_come_along(server: DurableServer):
    with_users(
        server,
        {"name": "a", "tags": []},
        vhosts=[{"name": "b"}],
        permissions=[PERMISSION, PERMISSION | {"vhost": "b"}],
        topic_permissions=[TOPIC_PERMISSION],
    )
    assert [(one.vhost, one.write) for one in server.broker.permissions] == [("/", "^a"), ("b", "^a")]
    assert [one.write for one in server.broker.topic_permissions] == ["^a"]
    server.commit()
    import_definitions(server.broker, {"permissions": [PERMISSION], "topic_permissions": [TOPIC_PERMISSION]})
    assert not server.log.is_recording


@pytest.mark.parametrize(
    ("permission", "text"),
    [
        ({"user": "b"}, "permissions[0].user: no_such_user: b"),
        ({"vhost": "b"}, 'permissions[0].vhost: Please create virtual host "b" prior to importing definitions.'),
        (
            {"vhost": None},
            "permissions[0].vhost: Virtual host does not exist and is not specified in definitions file.",
        ),
        ({"read": "*"}, "permissions[0].read: invalid regular expression '*'"),
        ({"write": 5}, "permissions[0].write: 5 is not a text"),
    ],
)
def test_a_wrong_permission_is_refused(server: DurableServer, permission: dict[str, Any], text: str):
    users = [{"name": "a", "tags": []}]
    assert fault(server, {"users": users, "permissions": [PERMISSION | permission]}).startswith(text)
    reason = fault(server, {"users": users, "topic_permissions": [TOPIC_PERMISSION | permission]})
    assert reason.startswith(f"topic_{text}")
