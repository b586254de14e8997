"""A recording into its file, which is there when it is whole."""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from amqpbroker.testing.recording.lines import End, Line, Published, Start, text_of


def reserve(path: str) -> None:
    """Whoever has no room for a file is told before the run and not after. Raises OSError."""
    with open(_part(path), "wb"):
        pass
    os.remove(_part(path))


def write_recording(path: str, start: Start, lines: Iterable[Line], end_s: Callable[[], float]) -> int:
    """Writes all of it, as it comes; returns how many messages there were. Raises OSError, and there is no file.

    end_s: when it ended, in seconds since the start; asked when there are no more lines.
    """
    count = 0
    with ExitStack() as if_failed:
        with open(_part(path), "w", encoding="utf-8", newline="\n") as file:
            if_failed.callback(os.remove, _part(path))
            file.write(f"{text_of(start)}\n")
            for line in lines:
                count += isinstance(line, Published)
                file.write(f"{text_of(line)}\n")
            file.write(f"{text_of(End(end_s(), count))}\n")
        os.replace(_part(path), path)
        if_failed.pop_all()
    return count


def _part(path: str) -> str:
    return f"{path}.part"
