"""Definitions as tests compare them, and a broker that has none."""

import json
from pathlib import Path
from typing import Any

from amqpbroker.profiles import PROFILES
from tests.helpers.durable import DurableServer

Json = dict[str, Any]

_FOLDER = Path(__file__).parents[1] / "management" / "definitions"


def recorded(name: str) -> Json:
    """What a RabbitMQ 3.10.8 exported: of everything, or of one virtual host."""
    found: Json = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def empty_server(profile: str = "3.13") -> DurableServer:
    """A broker that writes to a disk, without users. As 3.13 it adds no type to the arguments of queues."""
    server = DurableServer(profile=PROFILES[profile])
    for user in list(server.broker.users):
        server.broker.delete_user(user.name)
    server.commit()
    return server


def lists(document: Json) -> Json:
    """The lists of a document in any order; what names the version is left out, and who RabbitMQ says it is."""
    return {
        kind: sorted(json.dumps(one, sort_keys=True) for one in found if one.get("name") != "internal_cluster_id")
        for kind, found in document.items()
        if isinstance(found, list)
    }
