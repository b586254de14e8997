"""What the publisher learns and decides: confirms, returns, transactions, CC and BCC, user-id, alternate exchange."""

import pika
import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, UnroutableError

from interop_tests.conftest import Connect, Names
from interop_tests.steps import get_all, publish, settle
from interop_tests.wire import Wire


def confirmed_up_to(wire: Wire, last: int) -> list[int]:
    """Read basic.ack until tag `last` is confirmed: every tag that was, in order."""
    confirmed: list[int] = []
    while len(confirmed) < last:
        ack = wire.method(1, commands.Basic.Ack)
        confirmed += range(len(confirmed) + 1, ack.delivery_tag + 1) if ack.multiple else [ack.delivery_tag]
    return confirmed


def test_confirms_count_from_one_and_name_every_publish_once(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    for _ in range(50):
        wire.publish("", queue, b"x")
    assert sorted(confirmed_up_to(wire, 50)) == list(range(1, 51))
    wire.settle(queue, 50)


def test_confirm_select_again_does_not_reset_the_count(wire: Wire) -> None:
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    wire.publish("", "nowhere", b"x")
    assert wire.method(1, commands.Basic.Ack).delivery_tag == 1
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    wire.publish("", "nowhere", b"x")
    assert wire.method(1, commands.Basic.Ack).delivery_tag == 2


def test_confirms_count_per_channel(wire: Wire) -> None:
    wire.call(2, commands.Channel.Open(), commands.Channel.OpenOk)
    for channel in (1, 2):
        wire.call(channel, commands.Confirm.Select(), commands.Confirm.SelectOk)
        wire.publish("", "nowhere", b"x", channel=channel)
        assert wire.method(channel, commands.Basic.Ack).delivery_tag == 1


def test_an_unroutable_mandatory_message_is_returned_and_then_acked(wire: Wire) -> None:
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    wire.publish("", "nowhere", b"x")
    assert wire.method(1, commands.Basic.Ack).delivery_tag == 1
    wire.publish("amq.fanout", "nobody", b"back", mandatory=True)
    returned = wire.message(1, commands.Basic.Return)
    assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
    assert (returned.method.exchange, returned.method.routing_key) == ("amq.fanout", "nobody")
    assert returned.body == b"back"
    assert wire.method(1, commands.Basic.Ack).delivery_tag == 2


def test_a_routed_mandatory_message_is_not_returned(wire: Wire) -> None:
    queue = wire.queue()
    wire.publish("", queue, b"x", mandatory=True)
    wire.settle(queue, 1)


def test_an_empty_body_can_be_returned(wire: Wire) -> None:
    wire.publish("", "nowhere", b"", mandatory=True)
    assert wire.message(1, commands.Basic.Return).body == b""


def test_immediate_is_not_implemented(wire: Wire) -> None:
    wire.publish("", "nowhere", b"x", immediate=True)
    close = wire.method(0, commands.Connection.Close)
    assert (close.reply_code, close.reply_text) == (540, "NOT_IMPLEMENTED - immediate=true")


def test_confirmed_publishes_of_persistent_messages_to_a_durable_queue(connect: Connect, name: Names) -> None:
    channel = connect().channel()
    queue = channel.queue_declare(name.queue(), durable=True).method.queue
    channel.confirm_delivery()
    for number in range(5):
        channel.basic_publish("", queue, str(number).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    settle(channel, queue, 5)
    with pytest.raises(UnroutableError):
        channel.basic_publish("", "nowhere", b"x", mandatory=True)


def test_publishing_to_a_missing_exchange_closes_the_channel(wire: Wire) -> None:
    wire.publish("interop-no-such-exchange", "", b"x")
    close = wire.method(1, commands.Channel.Close)
    assert close.reply_text == "NOT_FOUND - no exchange 'interop-no-such-exchange' in vhost '/'"
    assert (close.reply_code, close.class_id, close.method_id) == (404, 60, 40)


def test_what_is_published_in_a_transaction_waits_for_commit(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    channel.tx_select()
    channel.basic_publish("", queue, b"dropped")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"a")
    channel.basic_publish("", queue, b"b")
    settle(channel, queue, 0)
    channel.tx_commit()
    assert get_all(channel, queue) == [("a", False), ("b", False)]


def test_in_a_transaction_returns_come_at_commit_before_its_answer(wire: Wire) -> None:
    wire.call(1, commands.Tx.Select(), commands.Tx.SelectOk)
    wire.publish("", "nowhere", b"back", mandatory=True)
    wire.call(1, commands.Basic.Qos(0, 1), commands.Basic.QosOk)
    wire.send(1, commands.Tx.Commit())
    assert wire.message(1, commands.Basic.Return).body == b"back"
    wire.method(1, commands.Tx.CommitOk)


def test_an_ack_in_a_transaction_counts_after_commit_only(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "x")
    channel.tx_select()
    tag = channel.basic_get(queue)[0].delivery_tag
    channel.basic_ack(tag)
    channel.tx_rollback()
    settle(channel, queue, 0)
    channel.basic_nack(tag)
    settle(channel, queue, 0)
    channel.tx_commit()
    assert get_all(channel, queue, auto_ack=True) == [("x", True)]


def test_closing_a_channel_rolls_its_transaction_back(connect: Connect, name: Names) -> None:
    connection = connect()
    channel, other = connection.channel(), connection.channel()
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    channel.tx_select()
    channel.basic_publish("", queue, b"never")
    channel.close()
    settle(other, queue, 0)


def test_transactions_and_confirms_exclude_each_other(wire: Wire) -> None:
    wire.call(1, commands.Tx.Select(), commands.Tx.SelectOk)
    wire.send(1, commands.Confirm.Select())
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.reply_text) == (406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode")
    wire.send(1, commands.Channel.CloseOk())
    wire.call(1, commands.Channel.Open(), commands.Channel.OpenOk)
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    wire.send(1, commands.Tx.Select())
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.reply_text) == (406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode")


def test_commit_outside_a_transaction_is_refused(wire: Wire) -> None:
    wire.send(1, commands.Tx.Commit())
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.reply_text) == (406, "PRECONDITION_FAILED - channel is not transactional")


def test_cc_and_bcc_give_each_queue_one_copy(channel: BlockingChannel, name: Names) -> None:
    to, cc, bcc = (channel.queue_declare(f"{name.prefix}.{word}", exclusive=True).method.queue for word in "abc")
    headers = {"CC": [cc, to], "BCC": [bcc], "kept": 1}
    channel.basic_publish("", to, b"x", pika.BasicProperties(headers=headers))
    for queue in (to, cc, bcc):
        settle(channel, queue, 1)
        get_ok, properties, _ = channel.basic_get(queue, auto_ack=True)
        assert get_ok.routing_key == to
        assert properties.headers == {"CC": [cc, to], "kept": 1}


def test_cc_that_is_no_array_is_refused(channel: BlockingChannel) -> None:
    channel.basic_publish("", "nowhere", b"x", pika.BasicProperties(headers={"CC": "one"}))
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_qos(prefetch_count=1)
    assert closed.value.reply_code == 406


def test_user_id_must_be_who_is_logged_in(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    channel.basic_publish("", queue, b"x", pika.BasicProperties(user_id="guest"))
    assert channel.basic_get(queue, auto_ack=True)[1].user_id == "guest"
    channel.basic_publish("", queue, b"x", pika.BasicProperties(user_id="somebody"))
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_get(queue)
    assert closed.value.reply_code == 406
    expected = "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'"
    assert closed.value.reply_text == expected


def test_the_alternate_exchange_takes_what_finds_no_queue(channel: BlockingChannel, name: Names) -> None:
    main, alternate = name.exchange("main"), name.exchange("alternate")
    channel.exchange_declare(alternate, "fanout")
    channel.exchange_declare(main, "direct", arguments={"alternate-exchange": alternate})
    lost, found = (channel.queue_declare(f"{name.prefix}.{word}", exclusive=True).method.queue for word in ("a", "b"))
    channel.queue_bind(lost, alternate)
    channel.queue_bind(found, main, "known")
    channel.confirm_delivery()
    channel.basic_publish(main, "unknown", b"lost", mandatory=True)
    channel.basic_publish(main, "known", b"found", mandatory=True)
    get_ok, properties, body = channel.basic_get(lost, auto_ack=True)
    assert (get_ok.exchange, get_ok.routing_key, properties.headers, body) == (main, "unknown", None, b"lost")
    assert get_all(channel, lost) == []
    assert get_all(channel, found) == [("found", False)]


def test_a_missing_alternate_exchange_returns_the_message(channel: BlockingChannel, name: Names) -> None:
    main = name.exchange()
    channel.exchange_declare(main, "direct", arguments={"alternate-exchange": f"{name.prefix}.missing"})
    channel.confirm_delivery()
    with pytest.raises(UnroutableError):
        channel.basic_publish(main, "unknown", b"x", mandatory=True)


def test_alternate_exchanges_in_a_ring_end(channel: BlockingChannel, name: Names) -> None:
    one, two = name.exchange("one"), name.exchange("two")
    channel.exchange_declare(one, "direct", arguments={"alternate-exchange": two})
    channel.exchange_declare(two, "direct", arguments={"alternate-exchange": one})
    channel.confirm_delivery()
    with pytest.raises(UnroutableError):
        channel.basic_publish(one, "unknown", b"x", mandatory=True)
