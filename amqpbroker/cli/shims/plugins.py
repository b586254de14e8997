"""`rabbitmq-plugins`: what is a plugin of RabbitMQ's and built in here, or is not there at all."""

import re
from collections.abc import Sequence
from typing import Final

from amqpbroker.cli import say
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_SOFTWARE, EX_UNAVAILABLE, EX_USAGE, Failed, cannot, error
from amqpbroker.cli.shims.invocation import parse
from amqpbroker.cli.shims.output import compact
from amqpbroker.server.config.rabbitmq_plugins import BUILT_IN

# What comes with a RabbitMQ and has nothing in its place here.
NOT_THERE: Final = (
    "rabbitmq_amqp1_0",
    "rabbitmq_auth_backend_cache",
    "rabbitmq_auth_backend_http",
    "rabbitmq_auth_backend_ldap",
    "rabbitmq_auth_backend_oauth2",
    "rabbitmq_federation",
    "rabbitmq_federation_management",
    "rabbitmq_jms_topic_exchange",
    "rabbitmq_mqtt",
    "rabbitmq_peer_discovery_aws",
    "rabbitmq_peer_discovery_common",
    "rabbitmq_peer_discovery_consul",
    "rabbitmq_peer_discovery_etcd",
    "rabbitmq_peer_discovery_k8s",
    "rabbitmq_shovel",
    "rabbitmq_shovel_management",
    "rabbitmq_stomp",
    "rabbitmq_stream",
    "rabbitmq_stream_management",
    "rabbitmq_top",
    "rabbitmq_tracing",
    "rabbitmq_trust_store",
    "rabbitmq_web_mqtt",
    "rabbitmq_web_stomp",
)
_SWITCHES: Final = {
    one: one.lstrip("-")
    for one in ("--offline", "--online", "--all", "-v", "--verbose", "-m", "--minimal", "-e", "-E", "--enabled")
} | {"--implicitly-enabled": "e", "--enabled": "E"}


def run(program: str, arguments: Sequence[str]) -> None:
    """One command. It asks no broker: what is built in does not change. Raises Failed."""
    invocation = parse(program, arguments, {}, _SWITCHES)
    call = Call(invocation)
    match invocation.command:
        case "list":
            _list(call)
        case "enable" | "set":  # set means these and no others, and it harms nobody that others stay
            _enable(call)
        case "disable":
            _disable(call)
        case "is_enabled":
            _is_enabled(call)
        case "directories":
            call.banner("Listing plugin directories used by amqpbroker")
            say("Plugin archives directory: none, all is built in")
        case "" | "help":
            say(f"{program} list [<pattern>] | enable <plugin> ... | disable <plugin> ... | is_enabled <plugin> ...")
        case other:
            raise Failed(EX_USAGE, f"\nCommand '{other}' not found. ")


def _list(call: Call) -> None:
    from amqpbroker.profiles import DEFAULT_PROFILE

    invocation = call.invocation
    pattern = call.words[0] if call.words else ".*"
    only_built_in = "e" in invocation.given or "E" in invocation.given
    try:
        wanted = re.compile(pattern)
    except re.error as problem:
        raise error(EX_SOFTWARE, f"the pattern is no regular expression: {problem}") from None
    names = sorted(BUILT_IN if only_built_in else (*BUILT_IN, *NOT_THERE))
    found = [name for name in names if wanted.search(name)]
    if invocation.formatter == "json":
        plugins = [{"enabled": "enabled" if one in BUILT_IN else "not_enabled", "name": one} for one in found]
        say(compact({"format": "normal", "plugins": plugins, "status": "running"}))
        return
    call.banner(f'Listing plugins with pattern "{pattern}" ...')
    if "m" in invocation.given or "minimal" in invocation.given:
        say("\n".join(found))
        return
    if not invocation.is_quiet:
        say(" Configured: E = explicitly enabled; e = implicitly enabled")
        say(f" | Status: * = running on {call.node}\n |/")
    width = max(map(len, found), default=0)
    for name in found:
        say(f"[{'E*' if name in BUILT_IN else '  '}] {name.ljust(width)} {DEFAULT_PROFILE.version}")


def _enable(call: Call) -> None:
    names = [name for word in call.words for name in word.split(",") if name]
    call.banner(f"Enabling plugins on node {call.node}:")
    for name in names:
        call.banner(name)
    if unknown := [name for name in names if name not in (*BUILT_IN, *NOT_THERE)]:
        raise error(EX_SOFTWARE, f"{{:plugins_not_found, [{', '.join(f':{name}' for name in unknown)}]}}")
    if missing := [name for name in names if name in NOT_THERE]:
        raise cannot(f"enable {', '.join(missing)}", "it has nothing in their place")
    call.banner("The following plugins have been configured:")
    for name in BUILT_IN:
        call.banner(f"  {name}")
    call.banner(f"Applying plugin configuration to {call.node}...")
    say("Plugin configuration unchanged.")


def _disable(call: Call) -> None:
    call.banner(f"Disabling plugins on node {call.node}:")
    if built_in := [name for name in call.words if name in BUILT_IN]:
        raise cannot(
            f"disable {', '.join(built_in)}", "it is built in; --http-port -1 and --metrics-port -1 shut ports"
        )
    say("Plugin configuration unchanged.")


def _is_enabled(call: Call) -> None:
    names = call.words
    if not names:
        raise Failed(EX_USAGE, "Error (argument validation): not enough arguments.")
    plural = len(names) > 1
    call.banner(f"Asking node {call.node} if plugin{'s' if plural else ''} {', '.join(names)} is enabled...")
    if off := [name for name in names if name not in BUILT_IN]:
        text = f"Plugin{'s' if len(off) > 1 else ''} {', '.join(off)} {'are' if len(off) > 1 else 'is'} not enabled"
        raise error(
            EX_UNAVAILABLE, f"{text} on node {call.node}. Enabled plugins and dependencies: {', '.join(BUILT_IN)}"
        )
    say(f"Plugin{'s' if plural else ''} {', '.join(names)} {'are' if plural else 'is'} enabled on node {call.node}")
