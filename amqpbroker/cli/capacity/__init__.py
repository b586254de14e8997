"""`amqpbroker capacity ACTION`: what to expect of a load. An action is a file of this folder, imported when called."""

from importlib import import_module
from typing import Final

from amqpbroker.cli import EXIT_OK, EXIT_USAGE, complain, say

# The file of an action has its name, and a function `run(arguments) -> exit code`.
ACTIONS: Final = {
    "plan": "waits, utilisation and consumers needed, from a rate and a time",
    "priorities": "waits of messages of each priority",
    "availability": "the chance that nodes are up, from how often they fail and how long they are down",
    "observe": "a live queue: what arrives, how long it takes and waits, beside the forecast",
    "simulate": "the same load played through the broker's own code, beside the forecast",
}
_HELP: Final = """\
usage: amqpbroker capacity ACTION [OPTIONS]

What to expect of a load: how long messages wait, how many consumers are needed.

{actions}

amqpbroker capacity ACTION --help lists what an action takes.
exit codes: 0 fine, 1 no forecast: the load is too much, or too little is known, 2 usage"""


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    action = arguments[0] if arguments else ""
    if action in ACTIONS:
        exit_code: int = import_module(f"amqpbroker.cli.capacity.{action}").run(arguments[1:])
        return exit_code
    if action in ("--help", "-h", "help"):
        say(_HELP.format(actions="\n".join(f"  {name:<14}{sentence}" for name, sentence in ACTIONS.items())))
        return EXIT_OK
    from amqpbroker.server.config import nearest

    told = f"there is no action {action}; {nearest(action, ACTIONS)}" if action else f"say which: {', '.join(ACTIONS)}"
    complain(f"capacity: {told}")
    return EXIT_USAGE
