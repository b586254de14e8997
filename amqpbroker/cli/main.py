"""The program `amqpbroker`: finds the verb and hands the rest to it.

A verb's module is imported when it is called: the broker is to be ready in a moment, and a shell waits for no import.
"""

import sys
import time
from typing import Final

from amqpbroker import __version__
from amqpbroker.cli import EXIT_OK, EXIT_USAGE, complain, say

# When this process began. The interpreter's own start is bound by the processor, so the processor time spent so far
# stands for it; the system's start time of the process would count what ran in it before an exec.
STARTED_S: Final = time.perf_counter() - time.process_time()

VERBS: Final = {
    "serve": "run the broker; also without a verb: amqpbroker --port 0",
    "journal": "look into a data directory, check all of it, or save what can be saved: inspect, verify, salvage",
    "version": "print the version",
}
HELP: Final = """\
usage: amqpbroker [VERB] [OPTIONS]

A message broker for AMQP 0-9-1 that takes RabbitMQ's place.

verbs:
{verbs}

amqpbroker serve --help lists the options of serve.
exit codes: 0 fine, 1 could not start, 2 usage or configuration, 74 the disk has failed"""


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
        say(HELP.format(verbs="\n".join(f"  {name:<10}{sentence}" for name, sentence in VERBS.items())))
        return EXIT_OK
    if verb == "serve" or verb.startswith("-"):
        from amqpbroker.cli import serve

        return serve.run(arguments[1:] if verb == "serve" else arguments, STARTED_S)
    if verb == "journal":
        from amqpbroker.cli import journal

        return journal.run(arguments[1:])
    from amqpbroker.server.config import nearest

    complain(f"unknown verb {verb}; {nearest(verb, VERBS)}")
    return EXIT_USAGE
