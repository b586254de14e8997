"""Who is there at the start, in a new data directory and in one that knows users already."""

import pytest

from amqpbroker.model.broker import Broker
from amqpbroker.server.access import set_up_access
from amqpbroker.server.config import Config, ConfiguredUser
from tests.helpers.durable import DurableServer

ANNA = ConfiguredUser("anna", "wort", ("monitoring",))


@pytest.fixture
def server() -> DurableServer:
    """A data directory of which the broker has just been restored."""
    return empty(DurableServer())


def empty(server: DurableServer) -> DurableServer:
    """Without the users that tests have otherwise."""
    for user in ("anna", "guest"):
        if server.broker.users.get(user) is not None and not server.log.contents.get(("user", "", user)):
            server.broker.delete_user(user)
    return server


def permissions(broker: Broker) -> list[tuple[str, str]]:
    return [(one.user, one.vhost) for one in broker.permissions if (one.configure, one.write, one.read) == (".*",) * 3]


def restarted(server: DurableServer) -> DurableServer:
    server.commit()
    return empty(server.after_a_kill())


def test_a_new_directory_has_the_default_user_and_virtual_host(server: DurableServer) -> None:
    set_up_access(server.broker, Config())
    assert [(user.name, user.tags) for user in server.broker.users] == [("guest", ("administrator",))]
    assert server.broker.users.authenticate("guest", b"guest") is not None
    assert permissions(server.broker) == [("guest", "/")]
    assert server.broker.vhosts["/"].description == "Default virtual host"


def test_the_default_user_stays_as_changed_and_stays_gone(server: DurableServer) -> None:
    set_up_access(server.broker, Config())
    server.broker.users.set("guest", password="other")
    server.broker.users.set("carl", password="carl")
    again = restarted(server)
    set_up_access(again.broker, Config())
    assert again.broker.users.authenticate("guest", b"other") is not None
    again.broker.delete_user("guest")
    last = restarted(again)
    set_up_access(last.broker, Config())
    assert [user.name for user in last.broker.users] == ["carl"]


def test_who_is_named_has_this_password_from_now_on_and_what_was_allowed_since(server: DurableServer) -> None:
    set_up_access(server.broker, Config(users=(ANNA,)))
    server.broker.users.set("anna", password="other")
    server.broker.permissions.set("anna", "/", configure="", write="", read=".*")
    again = restarted(server)
    set_up_access(again.broker, Config(users=(ANNA,)))
    anna = again.broker.users.authenticate("anna", b"wort")
    assert anna is not None and anna.tags == ("monitoring",)
    assert permissions(again.broker) == []


def test_a_directory_without_users_lets_them_into_all_of_its_virtual_hosts(server: DurableServer) -> None:
    server.broker.create_vhost("other")
    set_up_access(server.broker, Config())
    assert permissions(server.broker) == [("guest", "/"), ("guest", "other")]


def test_a_new_virtual_host_is_open_to_those_who_are_configured(server: DurableServer) -> None:
    set_up_access(server.broker, Config(users=(ANNA,)))
    server.broker.users.set("carl", password="carl")
    again = restarted(server)
    again.broker.add_vhost("new")
    set_up_access(again.broker, Config(users=(ANNA,), vhost="new"))
    assert permissions(again.broker) == [("anna", "/"), ("anna", "new")]


def test_who_may_not_do_everything_is_kept_from_it(server: DurableServer) -> None:
    set_up_access(server.broker, Config(users=(ConfiguredUser("anna", "wort", permissions=("", "^a", ".*")),)))
    permission = server.broker.permissions.get("anna", "/")
    assert permission is not None
    assert (permission.configure, permission.write, permission.read) == ("", "^a", ".*")
