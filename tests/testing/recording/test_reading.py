"""A recording out of its file, whole or not at all."""

import pytest

from amqpbroker.testing import RecordingError
from amqpbroker.testing.recording.lines import Defined, End, Start, text_of
from amqpbroker.testing.recording.reading import read_recording

START = text_of(Start("2026-11-28T12:00:00+00:00", "4.2.9", {}))
MESSAGE = '{"at_s": 1, "vhost": "/", "exchange": "", "routing_key": "a", "properties": {}, "payload": "x"}'


def write(path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def test_a_whole_one_is_read(path):
    write(path, START, MESSAGE, text_of(End(2, 1)))
    assert [number for number, _ in read_recording(path).lines] == [2, 3]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ([], "line 1: is not JSON"),
        ([START], "line 1: is the last, and says no end"),
        ([START, MESSAGE], "line 2: is the last, and says no end"),
        ([START, MESSAGE, text_of(End(2, 2))], "line 3: says that there are 2 messages, and there are 1"),
        ([START, text_of(End(2, 0)), MESSAGE], "line 3: stands behind the end"),
        ([START, MESSAGE, text_of(Defined(0.5, {})), text_of(End(2, 1))], 'line 3: "at_s" is 0.5, and the line before'),
        ([START, "x", text_of(End(2, 0))], "line 2: is not JSON"),
    ],
)
def test_any_other_is_refused_with_the_line(path, lines, where):
    write(path, *lines)
    with pytest.raises(RecordingError, match=where):
        read_recording(path)


def test_what_is_no_text_is_told_so(path):
    path.write_bytes(START.encode() + b"\n\xff\n")
    with pytest.raises(RecordingError, match="line 2: is no UTF-8"):
        read_recording(path)


def test_a_cut_off_file_is_refused_wherever_it_is_cut(path):
    text = "".join(f"{line}\n" for line in (START, MESSAGE, text_of(End(2, 1))))
    for length in range(0, len(text) - 1, 7):
        path.write_text(text[:length])
        with pytest.raises(RecordingError):
            read_recording(path)
