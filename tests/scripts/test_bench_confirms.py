"""The benchmark's confirmed publisher: which publishes are confirmed, and how many it leaves unconfirmed."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.confirms import ConfirmedPublisher, Confirms
from benchmark.wire import BASIC_ACK, CHANNEL, BenchmarkError, method

BASIC_NACK = (60, 120)
PUBLISHES = [b"first", b"other", b"third"]


def confirm(tag: int, multiple: bool = False, name: tuple[int, int] = BASIC_ACK) -> bytes:
    return method(CHANNEL, name, struct.pack(">QB", tag, multiple))


class ScriptedConnection:
    """Answers each read with the next of what it is given, and notes how much had been sent until then."""

    def __init__(self, *answers: bytes) -> None:
        self.socket = self
        self.sent = b""
        self.sent_until: list[bytes] = []
        self._answers: Iterator[bytes] = iter(answers)

    def select_confirms(self) -> None:
        pass

    def send(self, octets: memoryview) -> None:
        self.sent += octets

    def recv(self, _most: int) -> bytes:
        self.sent_until.append(self.sent)
        return next(self._answers)


@given(st.data())
def test_confirms_in_any_order_count_each_publish_once(data: st.DataObject) -> None:
    confirms, confirmed = Confirms(), set[int]()
    while open_tags := sorted(set(range(1, 13)) - confirmed):
        tag, multiple = data.draw(st.sampled_from(open_tags)), data.draw(st.booleans())
        confirms.add(tag, multiple)
        confirmed |= set(range(1, tag + 1)) if multiple else {tag}
        assert confirms.count == len(confirmed)


@pytest.mark.parametrize("again", [1, 2, 4])
def test_second_confirm_of_a_publish_is_an_error(again: int) -> None:
    confirms = Confirms()
    confirms.add(2, True)
    confirms.add(4, False)
    with pytest.raises(BenchmarkError, match="a second time"):
        confirms.add(again, False)


def test_no_more_are_in_flight_than_asked_for() -> None:
    connection = ScriptedConnection(confirm(1), confirm(3, True), confirm(4))
    ConfirmedPublisher(connection, PUBLISHES, in_flight=2).publish(4)
    assert [len(sent) // 5 for sent in connection.sent_until] == [2, 3, 4]


def test_publishes_come_over_and_over_in_their_order() -> None:
    connection = ScriptedConnection(confirm(7, True))
    ConfirmedPublisher(connection, PUBLISHES).publish(7)
    assert connection.sent == b"firstotherthird" * 2 + b"first"


def test_confirm_may_come_in_pieces() -> None:
    octets = confirm(1) + confirm(2)
    connection = ScriptedConnection(octets[:30], octets[30:])
    publisher = ConfirmedPublisher(connection, PUBLISHES)
    publisher.publish(2)
    assert publisher.confirmed == 2


@pytest.mark.parametrize(
    ("answer", "fault"), [(b"", "closed the publisher's socket"), (confirm(1, name=BASIC_NACK), "expected confirms")]
)
def test_what_is_no_confirm_is_an_error(answer: bytes, fault: str) -> None:
    with pytest.raises(BenchmarkError, match=fault):
        ConfirmedPublisher(ScriptedConnection(answer), PUBLISHES).publish(1)
