"""`rabbitmqctl` and `rabbitmq-diagnostics`: which command is which, and how they end."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from amqpbroker.cli import login, say
from amqpbroker.cli.client import BadURL, Refused, Unreachable
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.shims import access, checks, declaring, listings, policies, process, status
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_SOFTWARE, EX_UNAVAILABLE, EX_USAGE, Failed, cannot, error
from amqpbroker.cli.shims.invocation import parse
from amqpbroker.cli.tables import printable_lines


class Command(NamedTuple):
    """usage: its words, `<needed>` and `[<optional>]`, `...` for any more. values, switches: its own options."""

    act: Callable[[Call], None]
    usage: str = ""
    values: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many words."""
        words = self.usage.split()
        needed = sum(word.startswith("<") for word in words)
        return needed <= count and ("..." in words or count <= len(words))


_POLICY: Final = "<name> <pattern> <definition>"
_COLUMNS: Final = "[<column>] ..."
_WITHIN: Final = ("--within", "--unit")
_LISTS: Final = ("--online", "--offline", "--local")
_LIMITS: Final = ("--global",)

COMMANDS: Final = {
    # Nodes
    "await_startup": Command(process.await_startup),
    "await_online_nodes": Command(process.await_online_nodes, "<count>"),
    "wait": Command(process.wait, "[<pidfile>]", ("-P", "--pid")),
    "ping": Command(checks.ping),
    "start_app": Command(process.start_app),
    "stop": Command(process.stop, "[<pidfile>]"),
    "shutdown": Command(process.stop, "", (), ("--wait", "--no-wait")),
    "reset": Command(declaring.reset),
    "force_reset": Command(declaring.reset),
    "version": Command(checks.version),
    # What is so
    "status": Command(status.status, "", ("--unit",)),
    "cluster_status": Command(status.cluster_status),
    "node_health_check": Command(checks.node_health_check),
    "check_running": Command(checks.check_running),
    "is_running": Command(checks.is_running),
    "is_booting": Command(checks.is_booting),
    "check_port_connectivity": Command(checks.check_port_connectivity, "", ("--address",)),
    "check_port_listener": Command(checks.check_port_listener, "<port>"),
    "check_protocol_listener": Command(checks.check_protocol_listener, "<protocol>"),
    "check_alarms": Command(checks.check_alarms),
    "check_local_alarms": Command(checks.check_local_alarms),
    "check_virtual_hosts": Command(checks.check_virtual_hosts),
    "check_certificate_expiration": Command(checks.check_certificate_expiration, "", _WITHIN),
    "check_if_node_is_quorum_critical": Command(checks.not_critical),
    "check_if_node_is_mirror_sync_critical": Command(checks.not_critical),
    "alarms": Command(checks.check_alarms),
    "listeners": Command(checks.listeners),
    "server_version": Command(checks.server_version),
    # Lists
    "list_queues": Command(listings.queues, _COLUMNS, (), _LISTS),
    "list_exchanges": Command(listings.exchanges, _COLUMNS),
    "list_bindings": Command(listings.bindings, _COLUMNS),
    "list_connections": Command(listings.connections, _COLUMNS),
    "list_channels": Command(listings.channels, _COLUMNS),
    "list_consumers": Command(listings.consumers, _COLUMNS),
    "list_unresponsive_queues": Command(listings.unresponsive_queues, _COLUMNS),
    "list_users": Command(listings.users),
    "list_vhosts": Command(listings.vhosts, _COLUMNS),
    "list_permissions": Command(listings.permissions),
    "list_user_permissions": Command(listings.user_permissions, "<user>"),
    "list_topic_permissions": Command(listings.topic_permissions),
    "list_user_topic_permissions": Command(listings.user_topic_permissions, "<user>"),
    "list_policies": Command(listings.policies),
    "list_operator_policies": Command(listings.operator_policies),
    "list_parameters": Command(listings.parameters),
    "list_global_parameters": Command(listings.global_parameters),
    "list_vhost_limits": Command(listings.vhost_limits, "", (), _LIMITS),
    "list_user_limits": Command(listings.user_limits, "", ("--user",), _LIMITS),
    "list_feature_flags": Command(listings.feature_flags, _COLUMNS),
    # Who may do what
    "add_user": Command(access.add_user, "<name> [<password>]", (), ("--pre-hashed-password",)),
    "delete_user": Command(access.delete_user, "<name>"),
    "change_password": Command(access.change_password, "<name> [<password>]"),
    "clear_password": Command(access.clear_password, "<name>"),
    "authenticate_user": Command(access.authenticate_user, "<name> [<password>]"),
    "set_user_tags": Command(access.set_user_tags, "<name> [<tag>] ..."),
    "set_permissions": Command(access.set_permissions, "<user> <configure> <write> <read>"),
    "clear_permissions": Command(access.clear_permissions, "<user>"),
    "set_topic_permissions": Command(access.set_topic_permissions, "<user> <exchange> <write> <read>"),
    "clear_topic_permissions": Command(access.clear_topic_permissions, "<user> [<exchange>]"),
    "add_vhost": Command(access.add_vhost, "<name>", ("--description", "--tags", "--default-queue-type")),
    "delete_vhost": Command(access.delete_vhost, "<name>"),
    "set_user_limits": Command(policies.set_user_limits, "<user> <limits>"),
    "clear_user_limits": Command(policies.clear_user_limits, "<user> <limit>"),
    "set_vhost_limits": Command(policies.set_vhost_limits, "<limits>"),
    "clear_vhost_limits": Command(policies.clear_vhost_limits),
    # What holds
    "set_policy": Command(policies.set_policy, _POLICY, ("--priority", "--apply-to")),
    "clear_policy": Command(policies.clear_policy, "<name>"),
    "set_operator_policy": Command(policies.set_operator_policy, _POLICY, ("--priority", "--apply-to")),
    "clear_operator_policy": Command(policies.clear_operator_policy, "<name>"),
    "set_parameter": Command(policies.set_parameter, "<component> <name> <value>"),
    "clear_parameter": Command(policies.clear_parameter, "<component> <name>"),
    "set_global_parameter": Command(policies.set_global_parameter, "<name> <value>"),
    "clear_global_parameter": Command(policies.clear_global_parameter, "<name>"),
    "set_cluster_name": Command(policies.set_cluster_name, "<name>"),
    "enable_feature_flag": Command(policies.enable_feature_flag, "<name>"),
    "trace_on": Command(policies.trace_on),
    "trace_off": Command(policies.trace_off),
    # What there is
    "purge_queue": Command(declaring.purge_queue, "<queue>"),
    "delete_queue": Command(declaring.delete_queue, "<queue>", (), ("-e", "--if-empty", "-u", "--if-unused")),
    "close_connection": Command(declaring.close_connection, "<connection> <reason>"),
    "close_all_connections": Command(
        declaring.close_all_connections, "<reason>", ("--per-connection-delay", "--limit"), ("--global",)
    ),
    "export_definitions": Command(declaring.export_definitions, "[<file>]", ("--format",)),
    "import_definitions": Command(declaring.import_definitions, "[<file>]", ("--format",), ("--skip-if-unchanged",)),
}
# What there is nothing to do for, or no way to: a sentence with what to do instead.
INSTEAD: Final = {
    "stop_app": "it always serves while it runs; reset needs nothing stopped, and stop ends it",
    "join_cluster": "it is a single node",
    "forget_cluster_node": "it is a single node",
    "rename_cluster_node": "name it with --nodename when it starts",
    "set_log_level": "start it with --log-level",
    "set_disk_free_limit": "start it with --disk-free-limit",
    "set_vm_memory_high_watermark": "start it with --vm-memory-high-watermark",
    "eval": "it is not written in Erlang",
    "rotate_logs": "it logs to stderr, for others to rotate",
    "environment": "amqpbroker serve --help lists its settings",
    "report": "amqpbroker doctor looks for what is wrong",
}


def run(program: str, arguments: Sequence[str]) -> int:
    """Run one command, and give the exit code. program: its name, for what is said."""
    try:
        _run(program, arguments)
    except Failed as failure:
        complaint = failure
    except Unreachable as reason:
        complaint = Failed(EX_UNAVAILABLE, f"Error: unable to perform an operation on the node: {reason}")
    except Refused as refusal:
        complaint = _refused(refusal)
    except (UsageError, BadURL) as reason:
        complaint = Failed(EX_USAGE, f"Error: {reason}")
    else:
        return 0
    complain_plainly(complaint.text)
    return complaint.exit_code


def _run(program: str, arguments: Sequence[str]) -> None:
    name = command_of(arguments)
    command = COMMANDS.get(name)
    if name in ("", "help", "--help", "-h"):
        say(_usage(program))
        if not name:
            raise Failed(EX_USAGE, "Command not given.")
        return
    if command is None:
        raise _unknown(name)
    options = [{one: one.lstrip("-") for one in names} for names in (command.values, command.switches)]
    invocation = parse(program, arguments, *options)
    if not command.takes(len(invocation.words)):
        problem = "not enough" if len(invocation.words) < command.usage.count("<") else "too many"
        raise Failed(
            EX_USAGE,
            f"Error (argument validation): {problem} arguments.\nArguments given:\n\t{' '.join(arguments)}\n\n"
            f"Usage\n\n{program} {invocation.command} {command.usage}",
        )
    call = Call(invocation)
    try:
        command.act(call)
    finally:
        call.close()


def command_of(arguments: Sequence[str]) -> str:
    """The first word that is no option, and no value of one."""
    values = {option: option for command in COMMANDS.values() for option in command.values}
    switches = {option: option for command in COMMANDS.values() for option in command.switches}
    try:
        return parse("", [one for one in arguments if one not in ("--help", "-h")], values, switches).command
    except Failed:
        return next((one for one in arguments if one in COMMANDS or one in INSTEAD), "")


def _unknown(name: str) -> Failed:
    if name in INSTEAD:
        return cannot(name, INSTEAD[name])
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return Failed(EX_USAGE, f"\nCommand '{name}' not found. " + (f"\nDid you mean '{near[0]}'? " if near else ""))


def _refused(refusal: Refused) -> Failed:
    if refusal.status == 401:
        names = " and ".join(name for name in login.VARIABLES if name.endswith(("USER", "PASSWORD")))
        return error(EX_UNAVAILABLE, f"{refusal}; log in with {names}")
    return error(EX_SOFTWARE if refusal.status >= 500 else EX_UNAVAILABLE, refusal.reason.partition(": ")[2])


def complain_plainly(text: str) -> None:
    """To stderr as it is, but for what would move a terminal's cursor: scripts compare it."""
    import sys

    print(printable_lines(text), file=sys.stderr)


def _usage(program: str) -> str:
    lines = [f"{program} [--node <node>] [--timeout <timeout>] [--quiet] <command> [<command options>]", ""]
    lines += [f"   {name} {command.usage}".rstrip() for name, command in COMMANDS.items()]
    return "\n".join(lines)
