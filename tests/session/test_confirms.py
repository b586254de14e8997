"""Publisher confirms: numbers, and as few acks as will do."""

from amqpbroker.session.confirms import Confirms
from amqpbroker.wire.methods import Basic, Channel, Confirm, encode_frame
from tests.helpers.sessions import with_queue
from tests.helpers.wire_client import WireClient, publish_octets


def confirming() -> WireClient:
    client = with_queue()
    client.send(1, Confirm.Select(nowait=True))
    return client


def publishes(count: int) -> bytes:
    return publish_octets(1, Basic.Publish(routing_key="tasks"), b"body") * count


def test_nothing_published_is_nothing_confirmed() -> None:
    assert Confirms(1).take_frames(0) == b""


def test_one_is_confirmed_alone_and_many_at_once() -> None:
    confirms = Confirms(3)
    confirms.add(1)
    assert confirms.take_frames(0) == encode_frame(3, Basic.Ack(delivery_tag=1))
    confirms.add(4)
    assert confirms.take_frames(0) == encode_frame(3, Basic.Ack(delivery_tag=5, multiple=True))
    assert confirms.take_frames(0) == b""


def test_numbers_count_from_1_and_a_second_select_does_not_start_anew() -> None:
    client = confirming()
    client.feed(publishes(3))
    client.send(1, Confirm.Select(nowait=True))
    client.feed(publishes(1))
    assert client.methods() == [Basic.Ack(delivery_tag=3, multiple=True), Basic.Ack(delivery_tag=4)]


def test_what_was_published_before_has_no_number() -> None:
    client = with_queue()
    client.feed(publishes(3))
    client.send(1, Confirm.Select(nowait=True))
    client.feed(publishes(1))
    assert client.methods() == [Basic.Ack(delivery_tag=1)]


def test_what_follows_in_the_read_of_the_select_has_numbers() -> None:
    client = with_queue()
    client.feed(publishes(2))
    client.feed(publishes(2) + encode_frame(1, Confirm.Select(nowait=True)) + publishes(2))
    assert client.methods() == [Basic.Ack(delivery_tag=2, multiple=True)]


def test_a_message_without_a_queue_is_confirmed() -> None:
    client = confirming()
    client.publish(1, "amq.direct", "nowhere", b"body")
    assert client.methods() == [Basic.Ack(delivery_tag=1)]


def test_a_return_comes_before_its_confirm() -> None:
    client = confirming()
    client.publish(1, "amq.direct", "nowhere", b"body", mandatory=True)
    returned, confirmed = client.methods()
    assert isinstance(returned, Basic.Return)
    assert confirmed == Basic.Ack(delivery_tag=1)


def test_what_is_taken_care_of_is_confirmed_before_its_channel_ends() -> None:
    client = confirming()
    client.feed(publishes(2) + encode_frame(1, Channel.Close()))
    assert client.methods() == [Basic.Ack(delivery_tag=2, multiple=True), Channel.CloseOk()]


def test_what_is_at_fault_is_not_confirmed() -> None:
    client = confirming()
    client.feed(publishes(2) + publish_octets(1, Basic.Publish(exchange="missing"), b"body"))
    confirmed, closed = client.methods()
    assert confirmed == Basic.Ack(delivery_tag=2, multiple=True)
    assert isinstance(closed, Channel.Close)


def test_a_channel_opened_again_counts_anew() -> None:
    client = confirming()
    client.feed(publishes(2) + encode_frame(1, Channel.Close()))
    client.take()
    client.open_channel(1)
    client.feed(publishes(1))
    assert client.take() == []
    client.send(1, Confirm.Select(nowait=True))
    client.feed(publishes(1))
    assert client.methods() == [Basic.Ack(delivery_tag=1)]
