"""What the operating system tells of this process."""

import gc
import sys

import pytest

from amqpbroker.management.node import process


def test_memory_is_that_of_the_process() -> None:
    assert process.memory_bytes() > 1_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has handles")
def test_a_descriptor_that_is_opened_counts() -> None:
    before, may_be = process.descriptors()
    with open(__file__, encoding="utf-8"):
        assert process.descriptors()[0] == before + 1
    assert may_be > before


def test_garbage_that_was_looked_for_counts() -> None:
    before = process.collections()
    gc.collect()
    assert process.collections() > before


def test_threads_and_switches_are_counted() -> None:
    assert process.threads() >= 1
    assert process.context_switches() >= 0
    assert min(process.disk_traffic()) >= 0
