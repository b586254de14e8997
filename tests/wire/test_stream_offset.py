"""The stream offset in a content header: as if the header had been decoded and encoded."""

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.wire import properties
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.runs import Message, UniformRun
from amqpbroker.wire.stream_offset import NAME, stamped
from amqpbroker.wire.tables import Field, Table, long_string

words = st.text("abcé", max_size=5)
fields = st.one_of(
    st.builds(long_string, words),
    st.builds(Field, st.just("l"), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.builds(Field, st.just("t"), st.booleans()),
)
names = st.sampled_from([NAME, "a", "b", "x-stream-filter-value"])
tables = st.dictionaries(names, st.one_of(fields, st.builds(Field, st.just("F"), st.dictionaries(names, fields))))
all_properties = st.builds(
    Properties,
    content_type=st.none() | words | st.just(f"l{NAME}"),
    content_encoding=st.none() | words,
    headers=st.none() | tables,
    delivery_mode=st.none() | st.integers(1, 2),
    correlation_id=st.none() | words,
    timestamp=st.none() | st.integers(0, 1 << 40),
    app_id=st.none() | words | st.just(f"\x0f{NAME}l"),
)
offsets = st.integers(0, 1 << 60)


def message(header: bytes, body: bytes = b"body") -> Message:
    return b"\x00\x01q", header, body, 1


def expected(values: Properties, offset: int) -> Table:
    others = {name: field for name, field in (values.headers or {}).items() if name != NAME}
    return {NAME: Field("l", offset)} | others


@given(all_properties, offsets)
def test_a_stamped_header_is_the_header_with_the_offset_in_front(values: Properties, offset: int) -> None:
    header = properties.encode(values, 4)
    ((address, stamped_header, body, flags),) = stamped([message(header)], offset)
    assert stamped_header == properties.replace(header, headers=expected(values, offset))
    assert (address, body, flags) == (b"\x00\x01q", b"body", 1)


@given(st.lists(all_properties, min_size=1, max_size=6), offsets)
def test_each_message_has_the_offset_after_the_one_before(all_values: list[Properties], offset: int) -> None:
    headers = [properties.encode(values, 4) for values in all_values]
    found = [properties.headers(header) for _, header, _, _ in stamped([message(one) for one in headers], offset)]
    assert found == [expected(values, offset + at) for at, values in enumerate(all_values)]


@given(all_properties, offsets, st.integers(1, 5))
def test_a_uniform_run_is_stamped_like_its_messages(values: Properties, offset: int, count: int) -> None:
    run = UniformRun(b"\x00\x01q", properties.encode(values, 4), [b"%04d" % number for number in range(count)], 1)
    assert stamped(run, offset) == stamped(list(run), offset)
