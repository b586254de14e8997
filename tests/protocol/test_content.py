"""Contents put together from frames, and what does not fit together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.limits import BODY_MAX_BYTES
from amqpbroker.profiles import PROFILES
from amqpbroker.protocol.content import Assembled, Assembler
from amqpbroker.wire import methods, properties
from amqpbroker.wire.constants import BODY, HEADER, METHOD
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.properties import Properties

PUBLISH = methods.encode(Basic.Publish(routing_key="tasks"))
DECLARE = methods.encode(Queue.Declare(queue="tasks"))
ANNOUNCED = "expected content header for class 60, got {} instead"


def assembler(profile: str = "4.2") -> Assembler:
    return Assembler(PROFILES[profile])


def header(body_bytes: int) -> bytes:
    return properties.encode(Properties(content_type="text/plain"), body_bytes)


def accept(target: Assembler, *frames: tuple[int, bytes]) -> Assembled | None:
    """What the last frame gives; the ones before give nothing."""
    *first, last = frames
    assert [target.accept(*frame) for frame in first] == [None] * len(first)
    return target.accept(*last)


def fault(target: Assembler, *frames: tuple[int, bytes]) -> tuple[int, str, tuple[int, int] | None]:
    with pytest.raises(AMQPError) as raised:
        accept(target, *frames)
    return raised.value.code, raised.value.explanation, raised.value.method_id


def test_a_method_without_content_is_whole_at_once():
    whole = assembler().accept(METHOD, DECLARE)
    assert whole is not None
    assert (whole.method, whole.payload, whole.header) == (Queue.Declare(queue="tasks"), DECLARE, None)


def test_a_publish_is_whole_with_its_body():
    whole = accept(assembler(), (METHOD, PUBLISH), (HEADER, header(5)), (BODY, b"hello"))
    assert whole is not None
    assert (whole.payload, whole.header, whole.body) == (PUBLISH, header(5), b"hello")


def test_an_empty_body_has_no_frame():
    whole = accept(assembler(), (METHOD, PUBLISH), (HEADER, header(0)))
    assert whole is not None
    assert whole.body == b""


@given(st.binary(min_size=1, max_size=60), st.lists(st.integers(0, 60)))
def test_a_body_may_come_in_any_pieces(body, cuts):
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [(BODY, body[start:end]) for start, end in pairwise(edges)]
    whole = accept(assembler(), (METHOD, PUBLISH), (HEADER, header(len(body))), *pieces)
    assert whole is not None
    assert whole.body == body


def test_an_empty_body_frame_changes_nothing():
    whole = accept(assembler(), (METHOD, PUBLISH), (HEADER, header(2)), (BODY, b""), (BODY, b"hi"))
    assert whole is not None
    assert whole.body == b"hi"


def test_one_message_follows_another():
    target = assembler()
    for body in (b"first", b"second"):
        whole = accept(target, (METHOD, PUBLISH), (HEADER, header(len(body))), (BODY, body))
        assert whole is not None
        assert whole.body == body


def test_what_is_discarded_is_counted_but_not_kept():
    target = assembler()
    target.accept(METHOD, PUBLISH)
    target.accept(HEADER, header(5))
    target.discarding = True
    whole = target.accept(BODY, b"hello")
    assert whole is not None
    assert (whole.body, target.discarding) == (b"", False)


def test_it_tells_whose_content_is_awaited():
    target = assembler()
    assert target.method_id == (0, 0)
    accept(target, (METHOD, PUBLISH))
    assert target.method_id == (60, 40)
    accept(target, (HEADER, header(0)))
    assert target.method_id == (0, 0)


@pytest.mark.parametrize("kind", [HEADER, BODY])
def test_content_without_a_method_is_505(kind):
    text = "expected method frame, got non method frame instead"
    assert fault(assembler(), (kind, header(0))) == (505, text, (0, 0))


@pytest.mark.parametrize("frame", [(METHOD, DECLARE), (BODY, b"hello"), (HEADER, b"short")])
def test_anything_but_a_content_header_after_publish_is_505(frame):
    text = ANNOUNCED.format("non content header frame")
    assert fault(assembler(), (METHOD, PUBLISH), frame) == (505, text, (60, 40))


def test_a_content_header_of_another_class_is_505():
    other = b"\0\x32" + header(0)[2:]
    text = ANNOUNCED.format("one for class 50")
    assert fault(assembler(), (METHOD, PUBLISH), (HEADER, other)) == (505, text, (60, 40))


def test_a_content_header_with_a_weight_is_505():
    heavy = header(0)[:2] + b"\0\x01" + header(0)[4:]
    text = ANNOUNCED.format("non content header frame")
    assert fault(assembler(), (METHOD, PUBLISH), (HEADER, heavy)) == (505, text, (60, 40))


@pytest.mark.parametrize("frame", [(METHOD, DECLARE), (HEADER, header(5))])
def test_anything_but_a_body_after_its_header_is_505(frame):
    text = "expected content body, got non content body frame instead"
    assert fault(assembler(), (METHOD, PUBLISH), (HEADER, header(5)), frame) == (505, text, (60, 40))


def test_more_body_than_announced_is_501():
    text = "content body frame exceeds remaining content size"
    frames = ((METHOD, PUBLISH), (HEADER, header(5)), (BODY, b"hello!"))
    assert fault(assembler(), *frames) == (501, text, (60, 40))


def test_before_4_0_more_body_than_announced_waits_for_a_body_that_never_ends():
    target = assembler("3.13")
    assert accept(target, (METHOD, PUBLISH), (HEADER, header(5)), (BODY, b"hello!")) is None
    assert [target.accept(BODY, b"more") for _ in range(3)] == [None] * 3


def test_a_body_larger_than_any_is_501():
    size_bytes = BODY_MAX_BYTES + 1
    text = f"content body size {size_bytes} exceeds maximum allowed size {BODY_MAX_BYTES}"
    assert fault(assembler(), (METHOD, PUBLISH), (HEADER, header(size_bytes))) == (501, text, (60, 40))


def test_before_4_0_a_body_larger_than_any_is_left_to_others():
    assert accept(assembler("3.13"), (METHOD, PUBLISH), (HEADER, header(BODY_MAX_BYTES + 1))) is None
