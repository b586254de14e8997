"""How clients name one of several bindings between the same two things: by its routing key and a hash of its arguments.

Source: RabbitMQ `rabbit_mgmt_format:pack_binding_props`, `rabbit_mgmt_wm_binding`.
"""

import base64
from collections.abc import Iterable
from typing import Protocol, TypeVar
from urllib.parse import quote_plus, unquote_plus

from amqpbroker.wire.erlang_hash import table_hash
from amqpbroker.wire.tables import Table


def properties_key(routing_key: str, arguments: Table) -> str:
    """The name: the quoted routing key, with arguments `~` and their hash; a tilde alone for nothing at all."""
    quoted = quote_plus(routing_key, errors="surrogateescape").replace("~", "%7E")
    return f"{quoted}~{arguments_hash(arguments)}" if arguments else quoted or "~"


def arguments_hash(arguments: Table) -> str:
    """Six characters that stand for arguments."""
    return base64.urlsafe_b64encode(table_hash(arguments).to_bytes(4, "big")).rstrip(b"=").decode()


class Bound(Protocol):
    """A binding, as far as its name goes."""

    @property
    def routing_key(self) -> str:
        """See Binding."""

    @property
    def arguments(self) -> Table:
        """See Binding."""


B = TypeVar("B", bound=Bound)


def find_binding(bindings: Iterable[B], name: str) -> B | None:
    """Which of the bindings between two things has this name; None: none of them."""
    quoted, _, hashed = name.partition("~")
    routing_key = unquote_plus(quoted, errors="surrogateescape")
    for binding in bindings:
        if binding.routing_key == routing_key:
            own = arguments_hash(binding.arguments) if binding.arguments else ""
            if own == hashed:
                return binding
    return None
