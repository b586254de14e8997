"""How the benchmark measures a directory, and what it publishes to measure it."""

import argparse
from collections import Counter
from pathlib import Path

import pytest

from benchmark.disk_use import STAYING, THROUGH, _chunk, allocated_mb


def test_files_count_with_what_they_take_on_disk(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"x" * 3_000_000)
    assert allocated_mb(tmp_path) == pytest.approx(3.0, abs=0.1)


def test_hole_in_a_file_takes_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert allocated_mb(tmp_path) < 1


@pytest.mark.parametrize(("scattered", "staying"), [(False, 0), (True, 50)])
def test_one_in_twenty_stays_when_scattered(scattered: bool, staying: int) -> None:
    chunk = _chunk(argparse.Namespace(size=100, scattered=scattered))
    assert Counter(message.routing_key for message in chunk) == Counter(
        {THROUGH.queues[0]: 1000 - staying, STAYING.queues[0]: staying}
    )
    assert len({len(message.publish(131072)) for message in chunk}) == 1
