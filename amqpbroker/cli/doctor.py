"""`amqpbroker doctor`: looks for what is wrong, and says in words what to do about it."""

from argparse import Namespace
from typing import Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, say
from amqpbroker.cli.client import Client
from amqpbroker.cli.diagnoses import DIAGNOSES, Finding, Patient
from amqpbroker.cli.tables import printable, say_json
from amqpbroker.cli.verb import SingleVerb

_SIGNS: Final = {"fine": "✓", "note": "·", "warning": "!", "fault": "✗"}


def run(arguments: list[str]) -> int:
    """Look, and give the exit code."""
    verb = SingleVerb(
        "doctor",
        _doctor,
        "Look for what is wrong with a broker and say what to do about it; exit code 1 if there is a fault, 69 if "
        "nobody answers.",
    )
    verb.parser.add_argument("--verbose", action="store_true", help="say what is fine, too")
    return verb.run(arguments)


def _doctor(client: Client, options: Namespace) -> int:
    patient = Patient(client)
    findings = [finding for diagnose in DIAGNOSES for finding in diagnose(patient)]
    has_fault = any(one.severity == "fault" for one in findings)
    if options.json:
        say_json({"is_well": not has_fault, "findings": [one._asdict() for one in findings]})
        return EXIT_FAILED if has_fault else EXIT_OK
    for one in findings:
        if options.verbose or one.severity != "fine":
            _say(one)
    counts = {name: sum(one.severity == name for one in findings) for name in _SIGNS}
    say(f"checks that found nothing: {counts['fine']}, warnings: {counts['warning']}, faults: {counts['fault']}")
    return EXIT_FAILED if has_fault else EXIT_OK


def _say(finding: Finding) -> None:
    say(printable(f"{_SIGNS[finding.severity]} {finding.what}"))
    if finding.remedy:
        say(printable(f"    {finding.remedy}"))
