"""A call of a shim: what it was called with, the broker that it means, and what it says on the way."""

import os
import socket
from functools import cached_property
from typing import Any

from amqpbroker.cli import login, say
from amqpbroker.cli.client import DEFAULT_URL, Client, Refused, basic, parse_url
from amqpbroker.cli.shims.failing import EX_UNAVAILABLE, Failed
from amqpbroker.cli.shims.invocation import Invocation
from amqpbroker.cli.shims.output import MACHINE_READABLE
from amqpbroker.management.access.local_login import LocalLogin


class Call:
    """What commands work with."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.words = invocation.words
        self.vhost = invocation.vhost

    @cached_property
    def local(self) -> LocalLogin | None:
        """The broker on this machine that is meant, if this user runs it."""
        if os.environ.get("AMQPBROKER_HTTP"):
            return None
        return login.local_broker(os.environ, self._named_node, os.environ.get("RABBITMQ_NODE_PORT", ""))

    @property
    def _named_node(self) -> str:
        """The node that is asked for by name, in full; empty: whichever there is."""
        name = self.invocation.given.get("node") or os.environ.get("RABBITMQ_NODENAME") or ""
        return name if not name or "@" in name else f"{name}@{socket.gethostname().partition('.')[0]}"

    @property
    def node(self) -> str:
        """How the node is called in what is said."""
        if self._named_node or self.local is None:
            return self._named_node or f"rabbit@{socket.gethostname().partition('.')[0]}"
        return self.local.node

    @cached_property
    def client(self) -> Client:
        """Logged in by the file that the broker has left for its own user; else as the verbs of amqpbroker are."""
        if self.local is not None:
            return login.local_client(self.local)
        if self.invocation.given.get("node") and not os.environ.get("AMQPBROKER_HTTP"):
            raise self.unreachable()
        url, user, password = parse_url(os.environ.get("AMQPBROKER_HTTP") or DEFAULT_URL)
        user = user or os.environ.get("AMQPBROKER_USER") or "guest"
        password = password or os.environ.get("AMQPBROKER_PASSWORD") or "guest"
        return Client(url, basic(user, password))

    def close(self) -> None:
        """Hang up, if anybody was asked."""
        if "client" in self.__dict__:
            self.client.close()

    def get(self, *path: str, **query: object) -> Any:
        """Of the HTTP API; None: there is no such thing."""
        try:
            return self.client.get(*path, **query)
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    def banner(self, text: str) -> None:
        """Say what is being done, unless only results are asked for."""
        if not self.invocation.is_quiet and self.invocation.formatter not in MACHINE_READABLE:
            say(text)

    def unreachable(self) -> Failed:
        """There is no such node, or it does not answer."""
        return Failed(
            EX_UNAVAILABLE,
            f"Error: unable to perform an operation on node '{self.node}'. "
            "Please see diagnostics information and suggestions below.\n\n"
            f"No broker of this user answers for it; start one (amqpbroker serve), say its port with "
            f"RABBITMQ_NODE_PORT, or name its HTTP API with {next(iter(login.VARIABLES))}.",
        )
