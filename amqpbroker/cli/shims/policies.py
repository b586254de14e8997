"""Commands for what holds: policies, parameters, limits, tracing, the cluster's name."""

import json
from typing import Any

from amqpbroker.cli import say
from amqpbroker.cli.client import Refused
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_DATA, EX_NO_USER, EX_UNAVAILABLE, Failed, cannot, error


def set_policy(call: Call) -> None:
    """What holds for queues and exchanges whose names match."""
    _set_policy(call, "policies", "Setting policy")


def set_operator_policy(call: Call) -> None:
    """What bounds others' policies."""
    _set_policy(call, "operator-policies", "Setting operator policy override")


def _set_policy(call: Call, kind: str, doing: str) -> None:
    name, pattern, definition = call.words
    priority = call.invocation.given.get("priority", "0")
    what = f'"{name}" for pattern "{pattern}" to "{definition}" with priority "{priority}"'
    call.banner(f'{doing} {what} for vhost "{call.vhost}" ...')
    body = {
        "pattern": pattern,
        "definition": _parsed(definition),
        "priority": int(priority) if priority.lstrip("-").isdecimal() else priority,
        "apply-to": call.invocation.given.get("apply-to", "all"),
    }
    if call.get("vhosts", call.vhost) is None:
        raise Failed(EX_DATA, f"Virtual host '{call.vhost}' does not exist")
    _put(call, kind, call.vhost, name, body=body)


def clear_policy(call: Call) -> None:
    """It no longer holds."""
    call.banner(f'Clearing policy "{call.words[0]}" on vhost "{call.vhost}" ...')
    _delete(call, "policies", call.vhost, call.words[0])


def clear_operator_policy(call: Call) -> None:
    """It no longer holds."""
    call.banner(f'Clearing operator policy "{call.words[0]}" on vhost "{call.vhost}" ...')
    _delete(call, "operator-policies", call.vhost, call.words[0])


def set_parameter(call: Call) -> None:
    """A runtime parameter of a virtual host."""
    component, name, value = call.words
    call.banner(
        f'Setting runtime parameter "{name}" for component "{component}" to "{value}" in vhost "{call.vhost}" ...'
    )
    _put(call, "parameters", component, call.vhost, name, body={"value": _parsed(value)})


def clear_parameter(call: Call) -> None:
    """It is no longer set."""
    component, name = call.words
    call.banner(f'Clearing runtime parameter "{name}" for component "{component}" on vhost "{call.vhost}" ...')
    _delete(call, "parameters", component, call.vhost, name)


def set_global_parameter(call: Call) -> None:
    """A runtime parameter of all virtual hosts."""
    name, value = call.words
    call.banner(f'Setting global runtime parameter "{name}" to "{value}" ...')
    _put(call, "global-parameters", name, body={"name": name, "value": _parsed(value)})


def clear_global_parameter(call: Call) -> None:
    """It is no longer set."""
    call.banner(f'Clearing global runtime parameter "{call.words[0]}" ...')
    _delete(call, "global-parameters", call.words[0])


def set_vhost_limits(call: Call) -> None:
    """How much there may be in a virtual host."""
    call.banner(f'Setting vhost limits to "{call.words[0]}" for vhost "{call.vhost}" ...')
    for name, value in _limits(call.words[0]).items():
        _put(call, "vhost-limits", call.vhost, name, body={"value": value})


def clear_vhost_limits(call: Call) -> None:
    """As much as there is room for."""
    call.banner(f'Clearing vhost "{call.vhost}" limits ...')
    for one in call.get("vhost-limits", call.vhost) or []:
        for name in one["value"]:
            call.client.delete("vhost-limits", call.vhost, name)


def set_user_limits(call: Call) -> None:
    """How much a user may open."""
    name, limits = call.words
    call.banner(f'Setting user limits to "{limits}" for user "{name}" ...')
    found = _limits(limits)
    if call.get("users", name) is None:
        raise error(EX_NO_USER, f"User {name} does not exist")
    for limit, value in found.items():
        _put(call, "user-limits", name, limit, body={"value": value})


def clear_user_limits(call: Call) -> None:
    """A limit of a user, or all of them, are gone."""
    name, limit = call.words
    what = "all limits" if limit == "all" else f'"{limit}" limit'
    call.banner(f'Clearing {what} for user "{name}" ...')
    for one in call.get("user-limits", name) or []:
        for there in one["value"]:
            if limit in ("all", there):
                call.client.delete("user-limits", name, there)


def set_cluster_name(call: Call) -> None:
    """How operators call it."""
    call.banner(f"Setting cluster name to {call.words[0]} ...")
    call.client.put("cluster-name", body={"name": call.words[0]})


def enable_feature_flag(call: Call) -> None:
    """Whatever this broker has of them is on."""
    name = call.words[0]
    call.banner("Enabling all feature flags ..." if name == "all" else f'Enabling feature flag "{name}" ...')
    known = {one["name"] for one in call.client.get("feature-flags") if one["state"] == "enabled"}
    if name != "all" and name not in known:
        raise cannot(f"enable {name}", "it is off, or unknown; list_feature_flags lists what is on")


def trace_on(call: Call) -> None:
    """Copy every message to amq.rabbitmq.trace."""
    call.banner(f'Starting tracing for vhost "{call.vhost}" ...')
    _trace(call, True)


def trace_off(call: Call) -> None:
    """Copy nothing."""
    call.banner(f'Stopping tracing for vhost "{call.vhost}" ...')
    _trace(call, False)


def _trace(call: Call, on: bool) -> None:
    if call.get("vhosts", call.vhost) is None:
        raise Failed(EX_DATA, f"Virtual host '{call.vhost}' does not exist")
    call.client.put("vhosts", call.vhost, body={"tracing": on})
    say(f"Trace {'enabled' if on else 'disabled'} for vhost {call.vhost}")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as problem:
        raise error(EX_UNAVAILABLE, f"JSON decoding error. Reason: {problem}") from None


def _limits(text: str) -> dict[str, Any]:
    found = _parsed(text)
    if not isinstance(found, dict):
        raise error(EX_UNAVAILABLE, "Validation failed\n\nlimits are a JSON object\n")
    return found


def _put(call: Call, *path: str, body: object) -> None:
    try:
        call.client.put(*path, body=body)
    except Refused as refusal:
        if refusal.status != 400:
            raise
        reason = refusal.reason.partition(": ")[2].removeprefix("Validation failed").strip()
        raise error(EX_UNAVAILABLE, f"Validation failed\n\n{reason}\n") from None


def _delete(call: Call, *path: str) -> None:
    try:
        call.client.delete(*path)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        raise error(EX_UNAVAILABLE, "Parameter does not exist") from None
