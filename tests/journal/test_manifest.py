"""The list of segments: read as it was written, replaced as a whole, and never misread."""

from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal import manifest
from amqpbroker.journal.manifest import Manifest, ManifestError, NewerManifest, SegmentEntry
from tests.helpers.simulated_disk import PowerLost, SimulatedDisk

NUMBER = st.integers(0, 2**64 - 1)
ENTRY = st.builds(
    SegmentEntry,
    NUMBER,
    NUMBER,
    NUMBER,
    NUMBER,
    st.none() | NUMBER,
    st.lists(st.tuples(NUMBER, NUMBER), max_size=2).map(tuple),
)
MANIFEST = st.builds(Manifest, NUMBER, st.lists(ENTRY, max_size=3).map(tuple))

OLD = Manifest(1, (SegmentEntry(1, 1, 11, 4_096),))
NEW = Manifest(2, (SegmentEntry(1, 1, 11, 4_096, 1_024), SegmentEntry(2, 2, 22, 4_096)))


@given(MANIFEST)
def test_it_is_read_as_written(one: Manifest) -> None:
    assert manifest.decode(one.encode()) == one


@given(st.integers(0, len(OLD.encode()) * 8 - 1))
def test_no_bit_changes_unnoticed(bit: int) -> None:
    octets = bytearray(OLD.encode())
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ManifestError):
        manifest.decode(bytes(octets))


@given(st.integers(0, len(OLD.encode()) - 1))
def test_one_that_is_cut_is_refused(size_bytes: int) -> None:
    with pytest.raises(ManifestError):
        manifest.decode(OLD.encode()[:size_bytes])


@pytest.mark.parametrize("octets", [b"", b"\0" * 500, b"hello\n{}\n", OLD.encode() + b"\n"])
def test_something_else_is_refused(octets: bytes) -> None:
    with pytest.raises(ManifestError):
        manifest.decode(octets)


def test_one_of_a_newer_version_is_told_from_damage() -> None:
    line = b'{"whatever": 1}\n'
    with pytest.raises(NewerManifest, match="version 3, and this broker reads versions up to 2"):
        manifest.decode(b"amqpbroker-journal 3 %08x\n" % crc32(line) + line)


@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("seed", range(5))
def test_after_a_power_cut_it_is_the_old_one_or_the_new(call: int, seed: int) -> None:
    disk = SimulatedDisk(Random(seed))
    manifest.replace(disk, OLD.encode())
    disk.fail_at(disk.calls + call, PowerLost())
    try:
        manifest.replace(disk, NEW.encode())
        expected = [NEW]
    except PowerLost:
        expected = [OLD, NEW]
    disk.power_cut()
    assert manifest.read(disk) in expected


def test_half_a_new_one_that_was_left_is_no_hindrance() -> None:
    disk = SimulatedDisk()
    manifest.replace(disk, OLD.encode())
    disk.create("MANIFEST.new", 3).close()
    manifest.replace(disk, NEW.encode())
    assert manifest.read(disk) == NEW
    assert disk.names("") == ["MANIFEST"]
