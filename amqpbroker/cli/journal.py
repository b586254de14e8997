"""`amqpbroker journal inspect | verify | salvage`: the data directory of a broker that does not run.

The bar is rich's where it is installed and somebody looks at a terminal.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from amqpbroker.cli.tables import say_json, say_table
from amqpbroker.journal.disk import DirectoryInUse, Disk, FileDisk
from amqpbroker.journal.format import Content, Key
from amqpbroker.journal.inspection import Examination, Fault, Progress, QueueReport, SegmentReport
from amqpbroker.journal.manifest import NAME
from amqpbroker.journal.salvage import Refused, Salvaged, salvage
from amqpbroker.journal.segment import FOLDER
from amqpbroker.server.config import ConfigError, load
from amqpbroker.server.machine import default_data_dir

ACTIONS: Final = {
    "inspect": "what is in it: segments, definitions, queues and how many messages wait in them",
    "verify": "read all of it, each message too, and list every fault; exit code 1 if there is one",
    "salvage": "of a damaged journal keep all that is sound, copy what is not to quarantine/, and tell what is lost",
}
# A queue that has lost its name: its messages are to be had from one of this.
_NEW_NAME: Final = "salvaged-{:x}"


def run(arguments: list[str]) -> int:
    """One action, and its exit code: 0 fine, 1 damaged or refused, 2 usage."""
    try:
        options = _parse(arguments)
        path = _data_dir(options.data_dir)
    except ConfigError as error:
        complain(str(error))
        return EXIT_USAGE
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    if not os.path.isdir(path):
        complain(f"{path}: there is no such directory; name the broker's with --data-dir")
        return EXIT_FAILED
    disk = FileDisk(path)
    try:
        if not (disk.exists(NAME) or disk.names(FOLDER)):
            complain(f"{path}: there is no journal in it; name the broker's directory with --data-dir")
            return EXIT_FAILED
        disk.lock()
        with _progress(options.action) as progress:
            say_it = _ACTIONS[options.action](disk, progress)
        return say_it(path, options.json)
    except DirectoryInUse as error:
        complain(f"{path}: {error.strerror}; stop the broker first: what it writes meanwhile would look like damage")
    except Refused as error:
        complain(f"{path}: {error}")
    except OSError as error:
        complain(f"{error.filename or path}: {error.strerror or error}")
    except KeyboardInterrupt:
        # What salvage has copied by then is of no harm; the manifest is replaced at the very end.
        complain(f"{path}: interrupted; nothing is lost, start it again")
    finally:
        disk.unlock()
    return EXIT_FAILED


def _parse(arguments: list[str]) -> Any:
    import argparse

    parser = argparse.ArgumentParser(
        "amqpbroker journal",
        description="Look into the data directory of a broker that does not run.",
        epilog="\n".join(f"{name:<9}{sentence}" for name, sentence in ACTIONS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=ACTIONS, help="what to do, see below")
    parser.add_argument("--data-dir", metavar="PATH", help="the directory; the one that serve would use if not named")
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    return parser.parse_args(arguments)


def _data_dir(named: str | None) -> str:
    """As `serve` finds it. ConfigError: the settings cannot be read, or keep everything in memory."""
    config = load({"data_dir": named}, os.environ)
    if config.memory:
        raise ConfigError("memory: nothing is kept on disk with these settings; name a directory with --data-dir")
    return config.data_dir or default_data_dir(os.environ)


# Actions: each reads, and gives what says the result

_Say = Callable[[str, bool], int]


def _inspect(disk: Disk, progress: Progress) -> _Say:
    found = Examination(disk, messages=False, progress=progress)
    return partial(_say_inspected, found)


def _verify(disk: Disk, progress: Progress) -> _Say:
    found = Examination(disk, progress=progress)
    return partial(_say_verified, found)


def _salvage(disk: Disk, progress: Progress) -> _Say:
    done = salvage(disk, os.urandom, _home, progress)
    return partial(_say_salvaged, done)


def _home(number: int) -> tuple[Key, Content]:
    """A durable queue in the default virtual host."""
    content = {"id": number, "auto_delete": False, "arguments": {}}
    return Key("queue", "/", _NEW_NAME.format(number)), content


_ACTIONS: Final[dict[str, Callable[[Disk, Progress], _Say]]] = {
    "inspect": _inspect,
    "verify": _verify,
    "salvage": _salvage,
}


# What is said


def _say_inspected(found: Examination, path: str, as_json: bool) -> int:
    queues = found.queues()
    if as_json:
        say_json(
            {
                "directory": path,
                "epoch": found.epoch,
                "segments": [_segment_json(one) for one in found.segments],
                "definitions": [[*key, content] for key, content in found.definitions.items()],
                "queues": [asdict(one) for one in queues],
                "faults": [asdict(one) for one in found.faults],
            }
        )
        return EXIT_FAILED if found.faults else EXIT_OK
    say(f"{path}: starts {found.epoch}, segments {len(found.segments)}")
    header = ["segment", "octets", "used", "sealed", "commits", "records", "messages", "first", "last"]
    say_table(header, [_segment_row(one) for one in found.segments], "Segments")
    say_table(["kind", "virtual host", "name"], [[*key] for key in found.definitions], "Definitions")
    _say_queues(queues)
    return _say_faults(found.faults)


def _say_verified(found: Examination, path: str, as_json: bool) -> int:
    torn = [(one.name, one.torn_at) for one in found.segments if one.torn_at is not None]
    if as_json:
        faults = [asdict(one) for one in found.faults]
        say_json({"directory": path, "faults": faults, "unfinished": [list(one) for one in torn]})
        return EXIT_FAILED if found.faults else EXIT_OK
    for name, offset in torn:
        say(f"{name}, offset {offset}: a commit that was not finished; the next start cuts it off. That is no fault")
    if not found.faults:
        messages = sum(one.message_count for one in found.segments)
        commits = sum(one.frame_count for one in found.segments)
        say(f"{path}: segments {len(found.segments)}, commits {commits}, messages {messages}: all as they should be")
    return _say_faults(found.faults)


def _say_salvaged(done: Salvaged, path: str, as_json: bool) -> int:
    if as_json:
        say_json({"directory": path, **asdict(done)})
        return EXIT_OK
    if not done.faults:
        say(f"{path}: the journal is sound; nothing to do")
        return EXIT_OK
    for fault in done.faults:
        say(str(fault))
    for name, start, end in done.copies:
        say(f"{name}, offset {start} to {end}: copied to {done.folder}")
    if done.is_whole:
        say("No commit is lost.")
    else:
        _say_losses(done)
    _say_queues(done.queues)
    say("The journal is sound now: a broker starts on it.")
    return EXIT_OK


def _say_losses(done: Salvaged) -> None:
    say(f"Commits that are damaged or missing: at least {done.lost_commits}.")
    say(f"Messages that were saved out of damaged commits: {done.rescued_messages}.")
    say("What was acknowledged in them may be delivered again: everything that waits is flagged as redelivered.")
    say("What was declared, bound or deleted in them may have to be declared, bound or deleted again.")
    for key in done.new_names:
        say(f"A queue has lost its name; its messages are in {key.name} of virtual host {key.vhost}.")


def _say_faults(faults: Sequence[Fault]) -> int:
    if not faults:
        return EXIT_OK
    for fault in faults:
        say(str(fault))
    complain(
        f"faults: {len(faults)}; amqpbroker journal salvage keeps what is sound, and starting is refused until then"
    )
    return EXIT_FAILED


def _segment_row(one: SegmentReport) -> list[str]:
    if not one.is_there:
        return [one.name, "missing", *[""] * 7]
    sealed = "" if one.entry.sealed is None else str(one.entry.sealed)
    counts = (one.frame_count, one.record_count, one.message_count, one.first, one.last)
    return [one.name, str(one.size_bytes), str(one.end), sealed, *map(str, counts)]


def _segment_json(one: SegmentReport) -> dict[str, Any]:
    content = asdict(one)
    # A number of 64 bits is more than JSON's readers can be trusted with, and says nothing.
    del content["entry"], content["holds"]
    return {"file": one.name, "epoch": one.entry.epoch, "sealed": one.entry.sealed, "skip": one.entry.skip, **content}


def _say_queues(queues: Sequence[QueueReport]) -> None:
    rows = [
        [
            one.key.vhost if one.key else "",
            one.key.name if one.key else "(its name is lost)",
            f"{one.id:x}",
            str(one.live),
            str(one.flagged),
            f"at most {one.lost}" if one.lost else "",
        ]
        for one in queues
    ]
    say_table(["virtual host", "name", "number", "messages", "redelivered", "lost"], rows, "Queues")


@contextmanager
def _progress(action: str) -> Iterator[Progress]:
    """A bar on stderr, if that is a terminal and rich is there to draw one."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield _say_nothing
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield _say_nothing
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(action, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say_nothing(_done: int, _total: int) -> None:
    pass
