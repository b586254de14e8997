"""The log: one line a record on stderr, as text or as JSON.

What a client sends may stand in any message, so the formatters escape the whole of it: nothing that a client sends can
start a line, move the cursor or hide what follows. Passwords are never logged: `User` leaves them out of its text.
Only `amqpbroker serve` sets this up; a program that embeds the broker has its own logging.
"""

import json
import logging
import os
import sys
import time
from typing import Final

# Set before each line of a traceback, so that none can pass for a record.
TRACEBACK_MARGIN: Final = "  | "


def escape(text: str) -> str:
    """The text with what does not print (control and format characters, lone surrogates) as backslash escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z [info] amqpbroker.server: message`, in UTC; a traceback follows in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; source of the shape: RabbitMQ's log, time and level in front."""
        line = f"{_time(record)} [{record.levelname.lower()}] {record.name}: {escape(record.getMessage())}"
        if record.exc_info:
            traceback = self.formatException(record.exc_info).split("\n")
            line = "\n".join([line, *(TRACEBACK_MARGIN + escape(part) for part in traceback)])
        return line


class JSONFormatter(logging.Formatter):
    """An object a line, with `time` (UTC), `level`, `logger`, `message` and, for an exception, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, in ASCII: everything else stands as JSON's own escapes."""
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry).replace("\x7f", "\\u007f")


class StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in typeshed only
    """Writes to stderr for as long as somebody holds its other end; a reader that has gone does not stop the broker."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Send what comes after a broken pipe to nowhere; any other fault is a mistake of ours, and is shown."""
        if isinstance(sys.exc_info()[1], OSError):
            discard(2)
        else:
            super().handleError(record)


def discard(descriptor: int) -> None:
    """Point an output (1 or 2) whose reader has gone to nowhere, so that what is still buffered has where to go."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def set_up(level: str, log_format: str, path: str | None = None) -> None:
    """Log to stderr from now on, or to a file; level and log_format as in `Config`. In place of any earlier set-up.

    OSError: the file cannot be written to.
    """
    handler = _file_handler(path) if path is not None else StderrHandler()
    handler.setFormatter(JSONFormatter() if log_format == "json" else TextFormatter())
    # Not the root alone: another handler may want more.
    handler.setLevel(level.upper())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    # What serves HTTP tells when it starts and ends, which the broker does itself.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # What no line shows need not be asked of the system for every record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _file_handler(path: str) -> logging.Handler:
    """Appends; whoever moves the file away to keep the log short gets a new one in its place."""
    from logging.handlers import WatchedFileHandler

    return WatchedFileHandler(path, encoding="utf-8")


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
