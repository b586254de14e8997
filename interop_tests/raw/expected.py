"""What a RabbitMQ version answers to each provocation: the data files, and how they are read and written.

A file holds, by version, the events of `Client.outcome` by name. '3.13' is what a RabbitMQ 3.10.8 was recorded to
answer; '4.2' holds where 4.2.9 differs from that and '4.3' where 4.3.5 differs from 4.2, both read in its source.
None stands where the source shows a difference but not the very octets: it is not compared.
"""

from pathlib import Path
from typing import Any

import yaml

VERSIONS = ("3.13", "4.2", "4.3")
OUR_VERSION = "4.2"

Answers = dict[str, list[str] | None]

DATA = Path(__file__).resolve().parent.parent / "data"


def answers(file: str, version: str | None) -> Answers:
    """By name, the events expected of a version (None: of this broker's own), of those it has a say on."""
    wanted = VERSIONS[: VERSIONS.index(version or OUR_VERSION) + 1]
    versions = read(file)
    return {name: events for one in wanted for name, events in versions.get(one, {}).items()}


def read(file: str) -> dict[str, Answers]:
    """A data file as it is, by version."""
    versions: dict[str, Answers] = yaml.safe_load((DATA / file).read_text())
    return versions


def write_recorded(file: str, recorded: dict[str, Any]) -> None:
    """Replaces what was recorded, and keeps the first comment and what is noted of later versions."""
    path = DATA / file
    comment = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))
    text = yaml.safe_dump(
        read(file) | {"3.13": recorded}, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=None
    )
    path.write_text(comment + text)
