"""Commands for what there is: queues, connections, definitions, and all of it at once."""

import sys

from amqpbroker.cli import definitions, say
from amqpbroker.cli.client import Refused
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.reset import empty
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_DATA, EX_UNAVAILABLE, EX_USAGE, Failed, error

DEFAULT_VHOST = "/"


def purge_queue(call: Call) -> None:
    """Nothing waits in it any more."""
    call.banner(f"Purging queue '{call.words[0]}' in vhost '{call.vhost}' ...")
    try:
        call.client.delete("queues", call.vhost, call.words[0], "contents")
    except Refused as refusal:
        if refusal.status != 404:
            raise
        raise error(EX_UNAVAILABLE, "not_found") from None


def delete_queue(call: Call) -> None:
    """A queue is gone, and what waited in it."""
    name, given = call.words[0], call.invocation.given
    wishes = [word for word in ("empty", "unused") if f"if-{word}" in given or word[0] in given]
    condition = f" if queue is {' and '.join(wishes)}" if wishes else ""
    call.banner(f"Deleting queue '{name}' on vhost '{call.vhost}'{condition} ...")
    found = call.get("queues", call.vhost, name)
    if found is None:
        raise error(EX_USAGE, "Queue not found")
    query: dict[str, object] = {f"if-{word}": "true" for word in wishes}
    try:
        call.client.delete("queues", call.vhost, name, query=query)
    except Refused as refusal:
        if refusal.status != 400:
            raise
        word = "in use" if "use" in refusal.reason else "not empty"
        raise error(EX_USAGE, f"Queue is {word}") from None
    say(f"Queue was successfully deleted with {found.get('messages_ready') or 0} ready messages")


def close_connection(call: Call) -> None:
    """One of them, by what list_connections has as its name or its pid."""
    wanted, reason = call.words
    call.banner(f"Closing connection {wanted}, reason: {reason}...")
    names = [one["name"] for one in call.client.get("connections") if wanted in (one["name"], one.get("pid"))]
    if not names:
        raise error(EX_UNAVAILABLE, f"there is no connection {wanted}")
    for name in names:
        _close(call, name, reason)


def close_all_connections(call: Call) -> None:
    """Those of a virtual host, or all."""
    given, reason = call.invocation.given, call.words[0]
    everywhere = "global" in given
    where = "all vhosts" if everywhere else f"vhost {call.vhost}"
    call.banner(f"Closing all connections in {where}, reason: {reason}...")
    found = [one for one in call.client.get("connections") if everywhere or one.get("vhost") == call.vhost]
    if (limit := given.get("limit", "0")) not in ("0", ""):
        found = found[: int(limit)] if limit.isdecimal() else found
    for one in found:
        _close(call, one["name"], reason)
    say(f"Closed {len(found)} connections")


def _close(call: Call, name: str, reason: str) -> None:
    header = " ".join(reason.split()).encode("latin-1", "replace").decode("latin-1")
    try:
        call.client.delete("connections", name, headers={"X-Reason": header})
    except Refused as refusal:
        if refusal.status != 404:  # it has gone by itself
            raise


def export_definitions(call: Call) -> None:
    """All that is declared, to a file or to stdout."""
    path = call.words[0] if call.words else "-"
    if path == "-":
        import json

        say(json.dumps(call.client.get("definitions"), separators=(",", ":")))
        return
    call.banner(f'Exporting definitions in JSON to a file at "{path}" ...')
    try:
        definitions.write(path, call.client.get("definitions"))
    except UsageError as problem:
        raise error(EX_DATA, str(problem)) from None


def import_definitions(call: Call) -> None:
    """All that a file, or stdin, says is declared."""
    path = call.words[0] if call.words else "-"
    if path == "-" and (sys.stdin is None or sys.stdin.isatty()):
        raise Failed(EX_USAGE, "Error (argument validation): name a file, or pipe definitions in")
    try:
        found = definitions.read(path)
    except UsageError as problem:
        raise Failed(EX_DATA, f"Error (argument validation): Bad argument: {problem}") from None
    if path != "-":
        call.banner(f'Importing definitions in JSON from a file at "{path}" ...')
    call.client.post("definitions", body=found)
    call.banner("Successfully started definition import. This process is asynchronous and can take some time.")


def reset(call: Call) -> None:
    """The virtual host / is as if it had just been made, and there is no other. Users stay as they are."""
    call.banner(f"Resetting node {call.node} ...")
    for vhost in call.client.get("vhosts"):
        if vhost["name"] == DEFAULT_VHOST:
            empty(call.client, vhost)
        else:
            call.client.delete("vhosts", vhost["name"])
