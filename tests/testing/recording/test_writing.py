"""A recording into its file."""

import pytest

from amqpbroker.testing.recording.lines import Published, Start
from amqpbroker.testing.recording.reading import read_recording
from amqpbroker.testing.recording.writing import reserve, write_recording
from amqpbroker.wire.properties import Properties

START = Start("", "4.2.9", {})


def messages(count: int):
    for number in range(count):
        yield Published(number, "/", "", "tasks", Properties(), b"")
    if count == 3:
        raise OSError("disk full")


def test_it_is_there_when_it_is_whole(path):
    reserve(str(path))
    assert list(path.parent.iterdir()) == []
    assert write_recording(str(path), START, messages(2), lambda: 2.0) == 2
    assert len(read_recording(path).lines) == 3


def test_what_was_there_stays_if_it_fails(path):
    path.write_text("before")
    with pytest.raises(OSError, match="disk full"):
        write_recording(str(path), START, messages(3), lambda: 3.0)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "before"
