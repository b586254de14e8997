"""A recording out of its file: all of it, or an error that names the line."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from amqpbroker.testing.recording.errors import RecordingError
from amqpbroker.testing.recording.lines import End, Line, LineError, Published, Start, line_of, start_of


@dataclass(frozen=True, slots=True)
class Recording:
    """lines: (number of the line, what it says), in order; the end is the last."""

    path: str
    start: Start
    lines: Sequence[tuple[int, Line]]


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """All of a file. Raises RecordingError: the line, and what is wrong with it; OSError."""
    name = os.fspath(path)
    numbered = _lines(name)
    number, text = next(numbered, (1, ""))
    try:
        start = start_of(text)
        lines: list[tuple[int, Line]] = []
        for number, text in numbered:
            if lines and isinstance(lines[-1][1], End):
                raise LineError("stands behind the end")
            line = line_of(text)
            if lines and line.at_s < lines[-1][1].at_s:
                raise LineError(f'"at_s" is {line.at_s}, and the line before is of {lines[-1][1].at_s}')
            lines.append((number, line))
        _check_end(lines)
    except LineError as error:
        raise RecordingError(name, number, str(error)) from None
    return Recording(name, start, lines)


def _lines(path: str) -> Iterator[tuple[int, str]]:
    with open(path, "rb") as file:
        for number, octets in enumerate(file, 1):
            try:
                yield number, octets.decode("utf-8")
            except UnicodeDecodeError as error:
                raise RecordingError(path, number, f"is no UTF-8: {error.reason} at octet {error.start}") from None


def _check_end(lines: Sequence[tuple[int, Line]]) -> None:
    last = lines[-1][1] if lines else None
    if not isinstance(last, End):
        raise LineError("is the last, and says no end: the file is not whole")
    count = sum(isinstance(line, Published) for _, line in lines)
    if count != last.message_count:
        raise LineError(f"says that there are {last.message_count} messages, and there are {count}: lines are missing")
