"""pika's BlockingConnection, used as its documentation does."""

import functools
import threading

import pika
from pika.adapters.blocking_connection import BlockingChannel

from interop_tests.conftest import Connect, Names


def test_consume_as_a_generator(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    for number in range(5):
        channel.basic_publish("", queue, str(number).encode())
    bodies = []
    for deliver, _, body in channel.consume(queue, inactivity_timeout=5):
        bodies.append(body)
        channel.basic_ack(deliver.delivery_tag)
        if len(bodies) == 5:
            break
    assert bodies == [b"0", b"1", b"2", b"3", b"4"]
    assert channel.cancel() == 0


def test_start_and_stop_consuming(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    bodies = []

    def on_message(consumer: BlockingChannel, deliver: pika.spec.Basic.Deliver, _: object, body: bytes) -> None:
        bodies.append(body)
        consumer.basic_ack(deliver.delivery_tag)
        if body == b"last":
            consumer.stop_consuming()

    channel.basic_consume(queue, on_message)
    channel.basic_publish("", queue, b"first")
    channel.basic_publish("", queue, b"last")
    channel.start_consuming()
    assert bodies == [b"first", b"last"]


def test_a_worker_thread_acknowledges_through_the_connection(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    channel.basic_qos(prefetch_count=1)
    done: list[int] = []

    def acknowledge(tag: int) -> None:
        channel.basic_ack(tag)
        done.append(tag)
        if len(done) == 3:
            channel.stop_consuming()

    def on_message(_channel: BlockingChannel, deliver: pika.spec.Basic.Deliver, _: object, _body: bytes) -> None:
        later = functools.partial(acknowledge, deliver.delivery_tag)
        threading.Thread(target=channel.connection.add_callback_threadsafe, args=(later,)).start()

    channel.basic_consume(queue, on_message)
    for _ in range(3):
        channel.basic_publish("", queue, b"work")
    channel.start_consuming()
    assert done == [1, 2, 3]


def test_a_returned_message_comes_to_the_callback(channel: BlockingChannel) -> None:
    returned: list[tuple[int, bytes]] = []
    channel.add_on_return_callback(
        lambda _channel, method, _properties, body: returned.append((method.reply_code, body))
    )
    channel.basic_publish("amq.direct", "interop-nobody", b"back", mandatory=True)
    while not returned:
        channel.connection.process_data_events(1)
    assert returned == [(312, b"back")]


def test_topic_logs(connect: Connect, name: Names) -> None:
    exchange = name.exchange()
    receiving, sending = connect().channel(), connect().channel()
    receiving.exchange_declare(exchange, "topic")
    queue = receiving.queue_declare("", exclusive=True).method.queue
    receiving.queue_bind(queue, exchange, "*.critical")
    for key in ("kern.info", "kern.critical", "cron.critical"):
        sending.basic_publish(exchange, key, key.encode())
    came = [next(receiving.consume(queue, auto_ack=True, inactivity_timeout=5))[2] for _ in range(2)]
    assert came == [b"kern.critical", b"cron.critical"]


def test_a_heartbeat_of_one_second_keeps_an_idle_connection(connect: Connect) -> None:
    connection = connect(heartbeat=1)
    connection.process_data_events(3)
    assert connection.channel().is_open
