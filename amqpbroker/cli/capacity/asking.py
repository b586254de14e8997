"""What actions that are asked about a load have in common: its options, and what is said where there is no answer."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Final

from amqpbroker.capacity.errors import CapacityError, Unstable, WrongInput
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.units import parse_duration_s, parse_rate_per_s
from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain
from amqpbroker.cli.tables import printable, say_json

# What the models use beyond arithmetic, and pictures; whoever only serves has none of it.
_LIBRARIES: Final = ("matplotlib", "numpy", "scipy")


def add_load(parser: ArgumentParser) -> None:
    """The options that say what arrives, how long it takes and who is there, and the one for programs."""
    parser.add_argument("--arrivals", required=True, metavar="RATE", help="messages published: 8/s, 480/min")
    add_service(parser)
    parser.add_argument("--consumers", required=True, type=int, metavar="N", help="how many there are")
    add_json(parser)


def add_service(parser: ArgumentParser) -> None:
    """The option that says how long a message takes."""
    parser.add_argument("--service", required=True, metavar="TIME", help="mean time a consumer takes for one: 1s, 20ms")


def add_json(parser: ArgumentParser) -> None:
    """The option for programs."""
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")


def load_of(options: Namespace) -> Load:
    """The load that they say. WrongInput: it is none."""
    return Load(
        parse_rate_per_s(options.arrivals, "--arrivals"),
        parse_duration_s(options.service, "--service"),
        options.consumers,
    )


def answer(parser: ArgumentParser, arguments: list[str], act: Callable[[Namespace], None]) -> int:
    """Act on the options, and give the exit code: 0 fine, 1 no answer, 2 wrong input."""
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    try:
        act(options)
    except CapacityError as error:
        complain(printable(str(error)))
        if options.json:
            needed = {"consumers_needed": error.consumers_needed} if isinstance(error, Unstable) else {}
            say_json({"error": str(error), **needed})
        return EXIT_USAGE if isinstance(error, WrongInput) else EXIT_FAILED
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _LIBRARIES:
            raise
        complain(f"this needs {error.name}: pip install amqpbroker[capacity]")
        return EXIT_FAILED
    return EXIT_OK
