"""The data directory of a running server: opened at the start, written to by a thread, closed in peace.

The thread is a few lines around `Writer.commit_once`. What happens when the disk is full or fails is decided here.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeVar

from amqpbroker.journal.opening import open_journal
from amqpbroker.journal.writer import NO_SPACE, Commit
from amqpbroker.limits import SEAL_AFTER_S
from amqpbroker.model.restoring import restore, unknown
from amqpbroker.server.config import Config
from amqpbroker.server.machine import default_data_dir

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

logger = logging.getLogger("amqpbroker.storage")

T = TypeVar("T")

# How often a commit that found no space is tried again.
_TRY_AGAIN_S: Final = 0.2
# A commit that takes longer than this is told; than that, and publishers are held back.
_SLOW_COMMIT_S: Final = 5.0
_STUCK_COMMIT_S: Final = 30.0


def directory_of(config: Config) -> str:
    """Where messages are kept."""
    return config.data_dir or default_data_dir(os.environ)


class Storage:
    """Raises DirectoryInUse, Damage and OSError when it cannot be opened; nothing is changed then."""

    def __init__(self, server: "Server") -> None:
        config = server.config
        self.path = directory_of(config)
        if config.no_sync:
            logger.warning("%s: --no-sync: a power cut loses what was confirmed", self.path)
        self._server = server
        self._disk = server.disk_type(self.path, no_sync=config.no_sync)
        self._disk.make_folder("")
        self._disk.lock()
        with contextlib.ExitStack() as if_refused:
            if_refused.callback(self._disk.unlock)
            opened = open_journal(self._disk, os.urandom, self._tell_damage, unknown=unknown)
            left = restore(server.broker, opened.log, opened.log.contents, opened.revive)
            if_refused.pop_all()
        for binding in left:
            logger.error("a binding has lost its exchange or queue: %s", binding)
        if opened.recovered.cut is not None:
            logger.warning("%s, offset %d: a commit that was not finished is cut off", *opened.recovered.cut)
        self.log = opened.log
        self._writer = opened.writer
        self._full = opened.writer.short
        self._stuck = False
        self._failed = False
        self._is_writing = False
        self._began_s = 0.0
        self._ended_s = 0.0
        self._watching = False
        self._jobs: SimpleQueue[Commit | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()
        server.batch.turn_ended = self._turn_ended
        self.log.run_short(self._full)
        if self._full:
            self._keep_watching()
        self._turn_ended()

    def free_bytes(self) -> int:
        """Of the disk; less than any limit as long as a commit waits for space or for the disk."""
        return -1 if self._full or self._stuck else self._disk.free_bytes()

    def close(self) -> None:
        """Writes what is recorded, notes what was with clients, and ends the thread."""
        self._server.batch.turn_ended = None
        self._jobs.put(None)
        self._thread.join()
        try:
            if not self._failed:
                self._write_rest()
        except OSError as error:
            logger.critical("%s: the last commit is not on disk: %s", self.path, error)
        self._writer.close()
        self.log.pages.close()
        self._disk.unlock()

    def _write_rest(self) -> None:
        # What the thread has just written may be written once more: every step of a commit can be repeated.
        if self.log.in_flight is not None:
            self._writer.commit_once(self.log.in_flight)
            self.log.committed(self.log.in_flight)
        self.log.mark_clean()
        # Twice, so that the last word is followed by one that proves it.
        for seal in (False, True):
            commit = self.log.close(seal)
            if commit is not None:
                self._writer.commit_once(commit)
                self.log.committed(commit)

    # The loop's side

    def _turn_ended(self) -> None:
        """All that belongs together is recorded: it may be written, if nothing is being written."""
        self._begin(seal=False)

    def _begin(self, *, seal: bool) -> None:
        commit = None if self._failed else self._in_the_books(partial(self.log.close, seal))
        if commit is not None:
            self._hand_over(commit)

    def _hand_over(self, commit: Commit) -> None:
        self._began_s = self._server.ticker.now_s()
        self._is_writing = True
        self._jobs.put(commit)
        self._keep_watching()

    def _write(self) -> None:
        """The thread."""
        while (commit := self._jobs.get()) is not None:
            error = None
            try:
                self._writer.commit_once(commit)
            except OSError as fault:
                error = fault
            self._server.loop.call_soon_threadsafe(self._written, commit, error)

    def _written(self, commit: Commit, error: OSError | None) -> None:
        if self._failed or self._server.storage is not self:
            return
        if error is not None and error.errno not in NO_SPACE:
            self._fail(error)
            return
        self._is_writing = False
        self._ended_s = self._server.ticker.now_s()
        took_s = self._ended_s - self._began_s
        if took_s > _SLOW_COMMIT_S:
            logger.warning("%s: the disk took %.1f s for a commit", self.path, took_s)
        self._note(full=error is not None or self._writer.short, stuck=False)
        self.log.run_short(self._full)
        if error is not None:
            self._server.ticker.at(self._ended_s + _TRY_AGAIN_S, partial(self._hand_over, commit))
        elif commit is self.log.in_flight:
            self._in_the_books(partial(self.log.committed, commit))
            self._server.batch.finish()

    def _in_the_books(self, change: Callable[[], T]) -> T | None:
        """Makes a change; a fault of ours ends the broker: nothing is confirmed on books that may be wrong."""
        try:
            return change()
        except Exception as fault:
            logger.exception("%s: internal error", self.path)
            self._fail(fault)
            return None

    def _keep_watching(self) -> None:
        if not self._watching:
            self._watching = True
            self._server.ticker.at(self._server.ticker.now_s() + SEAL_AFTER_S, self._watch)

    def _watch(self) -> None:
        """What has to be done though nobody asks for anything, until there is nothing of the kind."""
        self._watching = False
        if self._failed:
            return
        now_s = self._server.ticker.now_s()
        if self._is_writing:
            if now_s - self._began_s > _STUCK_COMMIT_S:
                self._note(full=self._full, stuck=True)
        elif self.log.in_flight is not None:
            # It found no space, and is tried again.
            pass
        elif self._full:
            # Nothing waits for space any more but the reserves: the alarm that holds publishers back hangs on them.
            if now_s - self._ended_s >= _TRY_AGAIN_S:
                self._hand_over(Commit(0, 0, []))
        elif self.log.is_compacting:
            self._begin(seal=False)
        elif now_s - self._ended_s >= SEAL_AFTER_S:
            self._begin(seal=True)
            return
        self._keep_watching()

    def _note(self, *, full: bool, stuck: bool) -> None:
        """Publishers are held back while a commit finds no space, or does not come back."""
        if (full, stuck) != (self._full, self._stuck):
            if stuck:
                logger.error("%s: the disk has not answered for %d s", self.path, _STUCK_COMMIT_S)
            elif full:
                logger.error("%s: there is no space left; what is published waits for it", self.path)
            self._full, self._stuck = full, stuck
            self._server.alarms.look()

    def _fail(self, error: Exception) -> None:
        """The disk has taken and lost something: nothing is confirmed any more, and the broker ends."""
        self._failed = True
        logger.critical("%s: the disk has failed: %s; nothing is confirmed any more", self.path, error)
        self._server.disk_has_failed()

    def _tell_damage(self, fault: str) -> None:
        logger.critical("%s: %s (amqpbroker journal verify shows all that is damaged)", self.path, fault)
