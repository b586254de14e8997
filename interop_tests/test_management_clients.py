"""Clients of RabbitMQ's HTTP API, unchanged: pyrabbit2, AMQPStorm's, and rabbitmqadmin as a RabbitMQ serves it."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import amqpstorm.management
import httpx
import pyrabbit2
import pyrabbit2.http
import pytest

RABBITMQ: Path = Path("/usr/lib/rabbitmq/lib")
TIMEOUT_S = 60

Admin: TypeAlias = Callable[..., str]


@pytest.fixture
def vhost(management: httpx.Client) -> Iterator[str]:
    name = f"interop-{uuid.uuid4().hex[:8]}"
    management.put(f"vhosts/{name}", json={}).raise_for_status()
    yield name
    management.delete(f"vhosts/{name}")


@pytest.fixture
def user(management: httpx.Client) -> Iterator[str]:
    name = f"interop-user-{uuid.uuid4().hex[:8]}"
    yield name
    management.delete(f"users/{name}")


@pytest.fixture
def admin(management: httpx.Client, vhost: str, tmp_path: Path) -> Admin:
    """rabbitmqadmin, as the broker serves it, or as it lies on the disk with Debian's RabbitMQ."""
    program = tmp_path / "rabbitmqadmin"
    served = httpx.get(management.base_url.join("../cli/rabbitmqadmin"))
    if served.status_code == 200:
        program.write_bytes(served.content)
    else:
        there = sorted(RABBITMQ.glob("*/plugins/rabbitmq_management-*/priv/www/cli/rabbitmqadmin"))
        if not there:
            pytest.skip("there is no rabbitmqadmin: Debian's rabbitmq-server brings it")
        program.write_bytes(there[-1].read_bytes())

    def run(*arguments: str) -> str:
        url = management.base_url
        where = ["--host", str(url.host), "--port", str(url.port), "--vhost", vhost]
        command = [sys.executable, str(program), *where, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def listed(admin: Admin, *arguments: str) -> Any:
    return json.loads(admin("--format", "raw_json", *arguments))


# rabbitmqadmin


def test_rabbitmqadmin_declares_lists_and_deletes(admin: Admin, vhost: str, user: str) -> None:
    admin("declare", "queue", "name=tasks", "durable=true", 'arguments={"x-max-length": 10}')
    admin("declare", "queue", "name=q", "queue_type=quorum")
    admin("declare", "exchange", "name=orders", "type=topic")
    admin("declare", "binding", "source=orders", "destination=tasks", "routing_key=a.#")
    admin("declare", "user", f"name={user}", "password=x", "tags=monitoring")
    admin("declare", "permission", f"vhost={vhost}", f"user={user}", "configure=.*", "write=.*", "read=.*")
    admin("declare", "policy", "name=ttl", "pattern=^x", 'definition={"message-ttl": 1000}', "apply-to=queues")
    admin("declare", "operator_policy", "name=most", "pattern=^x", 'definition={"max-length": 5}', "priority=3")
    admin("declare", "vhost_limit", f"vhost={vhost}", "name=max-queues", "value=100")
    assert listed(admin, "list", "queues", "name", "durable") == [
        {"name": "q", "durable": True},
        {"name": "tasks", "durable": True},
    ]
    assert {"name": "orders", "type": "topic"} in listed(admin, "list", "exchanges", "name", "type")
    bindings = listed(admin, "list", "bindings", "source", "destination", "routing_key", "properties_key")
    key = next(one["properties_key"] for one in bindings if one["source"] == "orders")
    assert user in [one["name"] for one in listed(admin, "list", "users")]
    assert "ttl" in [one["name"] for one in listed(admin, "list", "policies")]
    assert listed(admin, "list", "vhost_limits")
    admin(
        *("delete", "binding", "source=orders", "destination_type=queue", "destination=tasks", f"properties_key={key}")
    )
    admin("delete", "vhost_limit", f"vhost={vhost}", "name=max-queues")
    admin("delete", "policy", "name=ttl")
    admin("delete", "operator_policy", "name=most")
    admin("delete", "permission", f"vhost={vhost}", f"user={user}")
    admin("delete", "user", f"name={user}")
    admin("delete", "queue", "name=tasks")
    admin("delete", "exchange", "name=orders")
    assert [one["name"] for one in listed(admin, "list", "queues", "name")] == ["q"]


def test_rabbitmqadmin_publishes_gets_and_purges(admin: Admin) -> None:
    admin("declare", "queue", "name=tasks")
    assert "Message published" in admin("publish", "routing_key=tasks", "payload=hello", 'properties={"type": "t"}')
    assert "NOT routed" in admin("publish", "routing_key=none", "payload=hello")
    (found,) = listed(admin, "get", "queue=tasks", "count=5", "ackmode=ack_requeue_true")
    assert (found["payload"], found["properties"]) == ("hello", {"type": "t"})
    admin("purge", "queue", "name=tasks")
    assert listed(admin, "get", "queue=tasks") == []


@pytest.mark.parametrize(
    "kind", ["connections", "channels", "consumers", "nodes", "parameters", "permissions", "vhosts"]
)
def test_rabbitmqadmin_lists_everything(admin: Admin, kind: str) -> None:
    assert isinstance(listed(admin, "list", kind), list)


def test_rabbitmqadmin_shows_an_overview(admin: Admin) -> None:
    assert "rabbitmq_version" in admin("show", "overview")


def test_rabbitmqadmin_exports_and_imports(admin: Admin, tmp_path: Path) -> None:
    admin("declare", "queue", "name=tasks")
    file = tmp_path / "definitions.json"
    admin("export", str(file))
    admin("delete", "queue", "name=tasks")
    admin("import", str(file))
    assert [one["name"] for one in listed(admin, "list", "queues", "name")] == ["tasks"]


# pyrabbit2


@pytest.fixture
def rabbit(management: httpx.Client) -> pyrabbit2.Client:
    url = management.base_url
    return pyrabbit2.Client(f"{url.host}:{url.port}", "guest", "guest", timeout=20)


def test_pyrabbit2_declares_publishes_and_gets(rabbit: pyrabbit2.Client, vhost: str) -> None:
    assert rabbit.is_alive(vhost)
    rabbit.create_queue(vhost, "tasks", durable=True)
    rabbit.create_exchange(vhost, "orders", "topic")
    rabbit.create_binding(vhost, "orders", "tasks", rt_key="a.#")
    assert rabbit.publish(vhost, "orders", "a.b", "hello")
    (found,) = rabbit.get_messages(vhost, "tasks", requeue=True)
    assert (found["payload"], found["routing_key"]) == ("hello", "a.b")
    assert "orders" in [one["source"] for one in rabbit.get_queue_bindings(vhost, "tasks")]
    rabbit.purge_queue(vhost, "tasks")
    assert rabbit.get_messages(vhost, "tasks") == []
    rabbit.delete_binding(vhost, "orders", "tasks", "a.%23")
    rabbit.delete_exchange(vhost, "orders")
    rabbit.delete_queue(vhost, "tasks")
    with pytest.raises(pyrabbit2.http.HTTPError):
        rabbit.get_queue(vhost, "tasks")


def test_pyrabbit2_says_who_may_do_what(rabbit: pyrabbit2.Client, vhost: str, user: str) -> None:
    rabbit.create_user(user, "x", tags="monitoring")
    rabbit.set_vhost_permissions(vhost, user, ".*", ".*", ".*")
    assert [one["vhost"] for one in rabbit.get_user_permissions(user)] == [vhost]
    rabbit.delete_permission(vhost, user)
    rabbit.create_policy(vhost, "ttl", pattern="^x", definition={"message-ttl": 1000}, priority=0)
    assert "ttl" in [one["name"] for one in rabbit.get_all_policies()]
    rabbit.delete_policy(vhost, "ttl")
    rabbit.delete_user(user)
    assert user not in [one["name"] for one in rabbit.get_users()]


def test_pyrabbit2_looks_around(rabbit: pyrabbit2.Client, vhost: str) -> None:
    assert rabbit.get_overview()["rabbitmq_version"]
    assert rabbit.get_whoami()["name"] == "guest"
    assert rabbit.get_cluster_name()["name"]
    assert vhost in rabbit.get_vhost_names()
    assert rabbit.get_nodes() and rabbit.get_definitions()["vhosts"]
    assert isinstance(rabbit.get_extensions(), list)
    assert isinstance(rabbit.get_connections(), list) and isinstance(rabbit.get_channels(), list)


# AMQPStorm


@pytest.fixture
def storm(management: httpx.Client) -> amqpstorm.management.ManagementApi:
    return amqpstorm.management.ManagementApi(str(management.base_url).removesuffix("/api/"), "guest", "guest", 20)


def test_amqpstorm_declares_publishes_and_gets(storm: amqpstorm.management.ManagementApi, vhost: str) -> None:
    storm.queue.declare("tasks", virtual_host=vhost, durable=True)
    storm.exchange.declare("orders", "topic", virtual_host=vhost)
    storm.queue.bind("tasks", "orders", "a.b", virtual_host=vhost)
    assert storm.basic.publish("hello", "a.b", "orders", vhost, {"type": "t"}) == {"routed": True}
    (message,) = storm.basic.get("tasks", vhost)
    assert (message.body, message.properties["type"]) == ("hello", "t")
    assert [one["name"] for one in storm.queue.list(vhost)] == ["tasks"]
    storm.queue.unbind("tasks", "orders", "a.b", vhost, "a.b")
    storm.queue.purge("tasks", vhost)
    storm.exchange.delete("orders", vhost)
    storm.queue.delete("tasks", vhost)
    assert storm.queue.list(vhost) == []


def test_amqpstorm_says_who_may_do_what(storm: amqpstorm.management.ManagementApi, vhost: str, user: str) -> None:
    storm.user.create(user, "x", tags=["monitoring", "management"])
    storm.user.set_permission(user, vhost)
    assert storm.user.get_permission(user, vhost)["configure"] == ".*"
    assert [one["user"] for one in storm.virtual_host.get_permissions(vhost)] == [user, "guest"][::-1]
    storm.user.delete_permission(user, vhost)
    storm.user.delete([user])
    with pytest.raises(amqpstorm.management.ApiError):
        storm.user.get(user)


def test_amqpstorm_looks_around(storm: amqpstorm.management.ManagementApi, vhost: str) -> None:
    assert storm.aliveness_test(vhost)["status"] == "ok"
    assert storm.overview()["product_name"]
    assert storm.whoami()["name"] == "guest"
    assert storm.cluster_name()["name"]
    assert storm.nodes() and storm.healthchecks.get()["status"] == "ok"
    assert storm.virtual_host.get(vhost)["name"] == vhost
