"""The program `amqpbroker`: finds the verb and hands the rest to it.

A verb's module is imported when it is called: the broker is to be ready in a moment, and a shell waits for no import.
"""

import sys
import time
from importlib import import_module
from typing import Final, NamedTuple

from amqpbroker import __version__
from amqpbroker.cli import EXIT_OK, EXIT_USAGE, complain, say

# When this process began. The interpreter's own start is bound by the processor, so the processor time spent so far
# stands for it; the system's start time of the process would count what ran in it before an exec.
STARTED_S: Final = time.perf_counter() - time.process_time()


class Verb(NamedTuple):
    """What it is for, and the module in this room whose `run` does it."""

    sentence: str
    module: str


GROUPS: Final = {
    "the broker itself": {
        "serve": Verb("run the broker; also without a verb: amqpbroker --port 0", "serve"),
        "journal": Verb(
            "look into a data directory, check it, save what can be saved: inspect, verify, salvage", "journal"
        ),
        "dev-cert": Verb("make certificates for trying TLS, and say what to put where", "dev_cert"),
        "version": Verb("print the version", "main"),
        "install-shims": Verb(
            "write rabbitmqctl, rabbitmq-server and the like for scripts that call them", "install_shims"
        ),
    },
    "look at a broker that runs": {
        "ping": Verb("whether it answers", "ping"),
        "status": Verb("what it is, listens on and holds", "status"),
        "top": Verb("queues and connections by what goes through them, again and again", "top"),
        "doctor": Verb("what is wrong with it, and what to do", "doctor"),
    },
    "messages": {
        "publish": Verb("send some: from an argument, a file or stdin", "publish"),
        "consume": Verb("show those of a queue or an exchange as they come", "consume"),
        "tail": Verb("show all as they are published, and where they went", "tail"),
        "record": Verb("write what is published to a file, with what is declared", "record"),
        "replay": Verb("declare and publish what such a file has, at its times", "replay"),
        "bench": Verb("how many a second a broker takes and gives", "bench"),
    },
    "what it holds": {
        "queue": Verb("ls, info, declare, rm, purge, peek, get, move, pause, resume", "queues"),
        "exchange": Verb("ls, info, declare, rm", "exchanges"),
        "binding": Verb("ls, add, rm", "bindings"),
        "connection": Verb("ls, info, close", "connections"),
        "channel": Verb("ls", "channels"),
        "consumer": Verb("ls", "consumers"),
        "policy": Verb("ls, set, clear", "policies"),
    },
    "who may do what": {
        "user": Verb("ls, add, rm, passwd, tags", "users"),
        "vhost": Verb("ls, add, rm", "vhosts"),
        "permission": Verb("ls, set, clear, topic", "permissions"),
    },
    "what to expect": {
        "capacity": Verb("plan: how long messages wait, how many consumers are needed", "capacity"),
    },
    "change all of it": {
        "definitions": Verb("export, import, diff: all that is declared, as JSON", "definitions"),
        "reset": Verb("delete all but virtual hosts, users and permissions", "reset"),
    },
}
VERBS: Final = {name: verb for group in GROUPS.values() for name, verb in group.items()}
HELP: Final = """\
usage: amqpbroker [VERB] [OPTIONS]

A message broker for AMQP 0-9-1 that takes RabbitMQ's place. The verbs that ask a broker ask a RabbitMQ as well.
{verbs}

amqpbroker VERB --help lists what a verb takes.
exit codes: 0 fine, 1 could not start, refused, or a check failed, 2 usage or configuration, 69 the broker cannot be
reached, 74 the disk has failed"""


def main(argv: list[str] | None = None) -> int:
    """Run one verb and give the exit code. argv: what follows the program's name; None is this process's own."""
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # while no verb waits for the signal itself
        return EXIT_OK


def _run(arguments: list[str]) -> int:
    verb = arguments[0] if arguments else "serve"
    if verb in ("version", "--version"):
        say(f"amqpbroker {__version__}")
        return EXIT_OK
    if verb in ("help", "--help", "-h"):
        say(HELP.format(verbs=_verbs()))
        return EXIT_OK
    if verb == "serve" or verb.startswith("-"):
        from amqpbroker.cli import serve

        return serve.run(arguments[1:] if verb == "serve" else arguments, STARTED_S)
    if verb in VERBS:
        exit_code: int = import_module(f"amqpbroker.cli.{VERBS[verb].module}").run(arguments[1:])
        return exit_code
    from amqpbroker.server.config import nearest

    complain(f"unknown verb {verb}; {nearest(verb, VERBS)}")
    return EXIT_USAGE


def _verbs() -> str:
    lines: list[str] = []
    for title, verbs in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:<15}{verb.sentence}" for name, verb in verbs.items())]
    return "\n".join(lines)
