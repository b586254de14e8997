"""Who may ask for what: the statuses that a RabbitMQ 3.10 gave users with each tag, whose virtual host was `mine`."""

from urllib.parse import quote

import pytest

from amqpbroker.management.access.authorization import used_vhosts, visible_vhosts
from tests.helpers.busy_broker import Busy, busy_broker

TAGS = ("management", "policymaker", "monitoring", "administrator")
# What each of them is answered, in the order of TAGS.
ANYBODY, WATCHERS, ADMINISTRATORS, NOBODY = (200,) * 4, (401, 401, 200, 200), (401, 401, 401, 200), (401,) * 4

ANSWERS = {
    "overview": ANYBODY,
    "whoami": ANYBODY,
    "extensions": ANYBODY,
    "queues": ANYBODY,
    "queues/mine": ANYBODY,
    "queues/%2F": ADMINISTRATORS,
    "queues/%2F/classic": ADMINISTRATORS,
    "queues/%2F/classic/bindings": ADMINISTRATORS,
    "exchanges/%2F": ADMINISTRATORS,
    "exchanges/%2F/events": ADMINISTRATORS,
    "bindings/mine": ANYBODY,
    "bindings/%2F": ADMINISTRATORS,
    "vhosts/%2F/connections": ADMINISTRATORS,
    "vhosts/%2F/channels": ADMINISTRATORS,
    "vhosts/mine/channels": ANYBODY,
    "connections": ANYBODY,
    "connections/{connection}": WATCHERS,
    "connections/{connection}/channels": WATCHERS,
    "channels/{connection}%20%281%29": WATCHERS,
    "connections/username/guest": WATCHERS,
    "consumers": ANYBODY,
    "consumers/%2F": ANYBODY,
    "nodes": WATCHERS,
    "nodes/{node}": WATCHERS,
    "auth/attempts/{node}": WATCHERS,
    "feature-flags": ADMINISTRATORS,
    "health/checks/alarms": ANYBODY,
    "aliveness-test/%2F": NOBODY,
}


def with_users(busy: Busy) -> None:
    broker = busy.server.broker
    broker.create_vhost("mine")
    for tag in TAGS:
        broker.users.set(tag, password="secret", tags=(tag,))
        broker.permissions.set(tag, "mine", configure=".*", write=".*", read=".*")


@pytest.mark.parametrize("path", ANSWERS)
async def test_each_is_answered_as_recorded(path: str) -> None:
    async with busy_broker() as busy:
        with_users(busy)
        node, connection = busy.server.broker.node_name, quote(busy.connection, safe="")
        asked = f"/api/{path.format(node=node, connection=connection)}"
        answers = [(await busy.http.get(asked, auth=(tag, "secret"))).status_code for tag in TAGS]
        assert tuple(answers) == ANSWERS[path]


async def test_lists_have_what_is_in_ones_own_virtual_hosts_and_administrators_see_all() -> None:
    async with busy_broker() as busy:
        with_users(busy)
        broker = busy.server.broker
        used = [[vhost.name for vhost in used_vhosts(user, broker)] for user in map(broker.users.get, TAGS) if user]
        assert used == [["mine"], ["mine"], ["mine"], ["/", "mine"]]


async def test_who_watches_knows_of_every_virtual_host() -> None:
    async with busy_broker() as busy:
        with_users(busy)
        broker = busy.server.broker
        known = [visible_vhosts(user, broker) for user in map(broker.users.get, TAGS) if user]
        assert known == [["mine"], ["mine"], ["/", "mine"], ["/", "mine"]]


@pytest.mark.parametrize(("tag", "count"), [("management", 0), ("monitoring", 3), ("administrator", 3)])
async def test_consumers_are_ones_own_or_all(tag: str, count: int) -> None:
    async with busy_broker() as busy:
        with_users(busy)
        answer = await busy.http.get("/api/consumers", auth=(tag, "secret"))
        assert len(answer.json()) == count
