"""The classic consumer: declares `hello`, consumes without auto-ack and never acknowledges."""

import json
import sys

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties


def show(_channel: BlockingChannel, _deliver: Basic.Deliver, _properties: BasicProperties, body: bytes) -> None:
    """Print the message and leave it unacknowledged, as the classic program does."""
    print(json.loads(body)["body"], flush=True)


def main(host: str, port: int) -> None:
    """Consume from the broker at host:port until killed."""
    connection = pika.BlockingConnection(pika.ConnectionParameters(host, port))
    channel = connection.channel()
    channel.queue_declare(queue="hello")
    channel.basic_consume(queue="hello", on_message_callback=show)
    channel.start_consuming()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
