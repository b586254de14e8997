"""The `list_…` commands: what the HTTP API has, under the names that RabbitMQ's programs give it."""

from collections.abc import Callable, Sequence
from typing import Any

from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.columns import BINDING, CHANNEL, CONNECTION, CONSUMER, EXCHANGE, FEATURE_FLAG, QUEUE, VHOST
from amqpbroker.cli.shims.failing import EX_DATA, EX_UNAVAILABLE, EX_USAGE, Failed, error
from amqpbroker.cli.shims.output import Arguments, Rows, compact, say_rows


def queues(call: Call) -> None:
    """The queues of a virtual host."""
    columns = _columns(call, QUEUE, ["name", "messages"])
    # As the real one does before whatever may take long.
    call.banner("Timeout: 60.0 seconds ...")
    call.banner(f"Listing queues for vhost {call.vhost} ...")
    # Of ten thousand queues nothing else need be gathered and sent.
    asked = ["owner_pid_details" if name == "owner_pid" else name for name in columns]
    _say(call, columns, call.get("queues", call.vhost, columns=",".join(asked)) or [], _queue)


def exchanges(call: Call) -> None:
    """The exchanges of a virtual host."""
    columns = _columns(call, EXCHANGE, ["name", "type"])
    call.banner(f"Listing exchanges for vhost {call.vhost} ...")
    _say(call, columns, call.get("exchanges", call.vhost) or [], _with_arguments)


def bindings(call: Call) -> None:
    """The bindings of a virtual host."""
    columns = _columns(call, BINDING, BINDING)
    call.banner(f"Listing bindings for vhost {call.vhost}...")
    _say(call, columns, call.get("bindings", call.vhost) or [], _binding)


def connections(call: Call) -> None:
    """All connections."""
    columns = _columns(call, CONNECTION, ["user", "peer_host", "peer_port", "state"])
    call.banner("Listing connections ...")
    _say(call, columns, call.client.get("connections"), _connection)


def channels(call: Call) -> None:
    """All channels."""
    columns = _columns(call, CHANNEL, ["pid", "user", "consumer_count", "messages_unacknowledged"])
    call.banner("Listing channels ...")
    _say(call, columns, call.client.get("channels"), _channel)


def consumers(call: Call) -> None:
    """The consumers of a virtual host."""
    default = ["queue_name", "channel_pid", "consumer_tag", "ack_required", "prefetch_count", "active", "arguments"]
    columns = _columns(call, CONSUMER, default)
    call.banner(f"Listing consumers in vhost {call.vhost} ...")
    _say(call, columns, call.get("consumers", call.vhost) or [], _consumer)


def unresponsive_queues(call: Call) -> None:
    """There are none: queues are no processes that could hang by themselves."""
    columns = _columns(call, QUEUE, ["name"])
    call.banner(f"Listing unresponsive queues for vhost {call.vhost} ...")
    say_rows(call.invocation, columns, [])


def users(call: Call) -> None:
    """All users with their tags."""
    call.banner("Listing users ...")
    _say(call, ["user", "tags"], call.client.get("users"), _user)


def vhosts(call: Call) -> None:
    """All virtual hosts."""
    columns = _columns(call, VHOST, ["name"])
    call.banner("Listing vhosts ...")
    _say(call, columns, call.client.get("vhosts"), _vhost)


def permissions(call: Call) -> None:
    """Who may do what in a virtual host."""
    call.banner(f'Listing permissions for vhost "{call.vhost}" ...')
    found = _in_vhost(call, "vhosts", call.vhost, "permissions")
    say_rows(call.invocation, ["user", "configure", "write", "read"], found, at_once=True)


def user_permissions(call: Call) -> None:
    """What a user may do, by virtual host."""
    call.banner(f'Listing permissions for user "{call.words[0]}" ...')
    found = _of_user(call, "permissions")
    say_rows(call.invocation, ["vhost", "configure", "write", "read"], found, at_once=True)


def topic_permissions(call: Call) -> None:
    """Who may use which routing keys in a virtual host."""
    call.banner(f'Listing topic permissions for vhost "{call.vhost}" ...')
    found = _in_vhost(call, "vhosts", call.vhost, "topic-permissions")
    say_rows(call.invocation, ["user", "exchange", "write", "read"], found, at_once=True)


def user_topic_permissions(call: Call) -> None:
    """Which routing keys a user may use, by virtual host."""
    call.banner(f'Listing topic permissions for user "{call.words[0]}" ...')
    found = _of_user(call, "topic-permissions")
    say_rows(call.invocation, ["vhost", "exchange", "write", "read"], found, at_once=True)


def policies(call: Call) -> None:
    """The policies of a virtual host."""
    call.banner(f'Listing policies for vhost "{call.vhost}" ...')
    _say_policies(call, "policies")


def operator_policies(call: Call) -> None:
    """The operator policies of a virtual host."""
    call.banner(f'Listing operator policy overrides for vhost "{call.vhost}" ...')
    _say_policies(call, "operator-policies")


def parameters(call: Call) -> None:
    """The runtime parameters of a virtual host."""
    call.banner(f'Listing runtime parameters for vhost "{call.vhost}" ...')
    found = [one for one in call.client.get("parameters") if one["vhost"] == call.vhost]
    rows = [one | {"value": compact(one["value"])} for one in found]
    say_rows(call.invocation, ["component", "name", "value"], rows, at_once=True)


def global_parameters(call: Call) -> None:
    """The runtime parameters of all virtual hosts."""
    call.banner("Listing global runtime parameters ...")
    rows = [one | {"value": compact(one["value"])} for one in call.client.get("global-parameters")]
    say_rows(call.invocation, ["name", "value"], rows, at_once=True)


def vhost_limits(call: Call) -> None:
    """The limits of a virtual host, or of all."""
    if "global" in call.invocation.given:
        call.banner("Listing limits for all vhosts ...")
        rows = [{"vhost": one["vhost"], "limits": compact(one["value"])} for one in call.client.get("vhost-limits")]
        say_rows(call.invocation, ["vhost", "limits"], rows, at_once=True)
        return
    call.banner(f'Listing limits for vhost "{call.vhost}" ...')
    _say_limits(call, _in_vhost(call, "vhost-limits", call.vhost))


def user_limits(call: Call) -> None:
    """The limits of a user, or of all."""
    name = call.invocation.given.get("user")
    if name is None:
        call.banner("Listing limits for all users ...")
        rows = [{"user": one["user"], "limits": compact(one["value"])} for one in call.client.get("user-limits")]
        say_rows(call.invocation, ["user", "limits"], rows, at_once=True)
        return
    call.banner(f'Listing limits for user "{name}" ...')
    _say_limits(call, call.get("user-limits", name) or [])


def feature_flags(call: Call) -> None:
    """What a RabbitMQ would have switched on."""
    columns = _columns(call, FEATURE_FLAG, ["name", "state"])
    call.banner("Listing feature flags ...")
    say_rows(call.invocation, columns, call.client.get("feature-flags"))


def _columns(call: Call, known: Sequence[str], default: Sequence[str]) -> Sequence[str]:
    """Those asked for, separated by blanks or commas. Raises Failed: one is not known."""
    wanted = [name for word in call.words for name in word.split(",") if name]
    if unknown := [name for name in wanted if name not in known]:
        raise Failed(
            EX_USAGE,
            f"Error (argument validation): Info key(s) {','.join(unknown)} are not supported\n"
            f"Arguments given:\n\t{call.invocation.command} {' '.join(call.words)}",
        )
    return wanted or default


def _say(
    call: Call, columns: Sequence[str], found: Rows, row: Callable[[Call, dict[str, Any]], dict[str, Any]]
) -> None:
    say_rows(call.invocation, columns, [row(call, one) for one in found])


def _with_arguments(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    return one | {"arguments": Arguments(one.get("arguments") or {})}


def _queue(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    return one | {
        "arguments": Arguments(one.get("arguments") or {}),
        # Counts that the API has not worked out yet: a queue that has just been declared is empty.
        **{name: one.get(name) or 0 for name in ("messages", "messages_ready", "messages_unacknowledged", "consumers")},
        "state": one.get("state", "running"),
        "owner_pid": (one.get("owner_pid_details") or {}).get("name"),
    }


def _binding(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "source_name": one["source"],
        "source_kind": "exchange",
        "destination_name": one["destination"],
        "destination_kind": one["destination_type"],
        "routing_key": one["routing_key"],
        "arguments": Arguments(one.get("arguments") or {}),
    }


def _connection(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    protocol = "{0,9,1}" if one.get("protocol") == "AMQP 0-9-1" else one.get("protocol")
    return one | {"pid": one.get("pid") or one["name"], "protocol": protocol}


def _channel(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    connection = (one.get("connection_details") or {}).get("name")
    return one | {"pid": one.get("pid") or one["name"], "connection": connection}


def _consumer(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    return one | {
        "queue_name": one["queue"]["name"],
        "channel_pid": (one.get("channel_details") or {}).get("name"),
        "active_status": one.get("activity_status"),
        "arguments": Arguments(one.get("arguments") or {}),
    }


def _user(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    tags = one["tags"] if isinstance(one["tags"], list) else [tag for tag in one["tags"].split(",") if tag]
    return {"user": one["name"], "tags": tags}


def _vhost(_call: Call, one: dict[str, Any]) -> dict[str, Any]:
    states = [f"{{{node}, {state}}}" for node, state in (one.get("cluster_state") or {}).items()]
    return one | {"cluster_state": states}


def _in_vhost(call: Call, *path: str) -> Rows:
    found: Rows | None = call.get(*path)
    if found is None or call.get("vhosts", call.vhost) is None:
        raise Failed(EX_DATA, f"Virtual host '{call.vhost}' does not exist")
    return found


def _of_user(call: Call, kind: str) -> Rows:
    found: Rows | None = call.get("users", call.words[0], kind)
    if found is None or call.get("users", call.words[0]) is None:
        raise error(EX_UNAVAILABLE, f'{{:no_such_user, "{call.words[0]}"}}')
    return found


def _say_policies(call: Call, kind: str) -> None:
    found = _in_vhost(call, kind, call.vhost)
    rows = [one | {"definition": compact(one["definition"])} for one in found]
    columns = ["vhost", "name", "pattern", "apply-to", "definition", "priority"]
    say_rows(call.invocation, columns, rows, at_once=True)


def _say_limits(call: Call, found: Rows) -> None:
    from amqpbroker.cli import say

    for one in found:
        say(compact(one["value"]))
