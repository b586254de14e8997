"""MANIFEST: which segments make up the log. It is replaced as a whole, so it is the old list or the new one.

Two lines of text: what it is, its version and the checksum of the second line; and that line, JSON. The first line is
the same in every version, so that a newer one is told from damage.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from amqpbroker.journal.disk import Disk

VERSION: Final = 2
_READABLE: Final = ("1", "2")
NAME: Final = "MANIFEST"
_NEW: Final = "MANIFEST.new"
_NAME: Final = "amqpbroker-journal"


class ManifestError(Exception):
    """A manifest that cannot be used: why, in words."""


class NewerManifest(ManifestError):
    """Nothing is wrong with it: a later version of the broker wrote it."""


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment of the log.

    sealed: where its frames end; None for the last segment, to which frames are still appended. skip: (from, to), what
    `journal salvage` found damaged and put into quarantine.
    """

    id: int
    epoch: int
    salt: int
    size_bytes: int
    sealed: int | None = None
    skip: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """epoch: counts the starts of the broker. segments: oldest first."""

    epoch: int = 0
    segments: tuple[SegmentEntry, ...] = ()

    def encode(self) -> bytes:
        """The file's octets."""
        content = {
            "epoch": self.epoch,
            "segments": [
                {
                    "id": one.id,
                    "epoch": one.epoch,
                    "salt": one.salt,
                    "size": one.size_bytes,
                    "sealed": one.sealed,
                    "skip": one.skip,
                }
                for one in self.segments
            ],
        }
        line = json.dumps(content).encode() + b"\n"
        return f"{_NAME} {VERSION} {crc32(line):08x}\n".encode() + line


def decode(octets: bytes) -> Manifest:
    """Raises ManifestError."""
    first, _, line = octets.partition(b"\n")
    words = first.split(b" ")
    if len(words) != 3 or words[0] != _NAME.encode():
        raise ManifestError("it does not begin like a manifest")
    if words[2] != b"%08x" % crc32(line):
        raise ManifestError("its checksum is wrong")
    version = words[1].decode("ascii", "replace")
    if version not in _READABLE:
        fault = NewerManifest if version.isdigit() and int(version) > VERSION else ManifestError
        raise fault(f"it is of version {version}, and this broker reads versions up to {VERSION}")
    content: dict[str, Any] = json.loads(line)
    return Manifest(
        content["epoch"],
        tuple(_entry(one) for one in content["segments"]),
    )


def _entry(one: dict[str, Any]) -> SegmentEntry:
    skip: Sequence[Sequence[int]] = one["skip"]
    return SegmentEntry(
        one["id"], one["epoch"], one["salt"], one["size"], one["sealed"], tuple((start, end) for start, end in skip)
    )


def read(disk: Disk) -> Manifest:
    """The manifest of a data directory. Raises ManifestError and OSError."""
    file = disk.open(NAME)
    try:
        return decode(file.read(0, disk.size_bytes(NAME)))
    finally:
        file.close()


def replace(disk: Disk, octets: bytes) -> None:
    """Puts a new manifest in the old one's place, on disk when it returns."""
    if disk.exists(_NEW):
        disk.remove(_NEW)
    file = disk.create(_NEW, 0)
    try:
        file.write([octets], 0, sync=True)
    finally:
        file.close()
    disk.rename(_NEW, NAME)
    disk.sync_folder("")
