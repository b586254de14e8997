"""The classic producer: declares `hello`, sends ten JSON messages by the default exchange and closes."""

import json
import sys

import pika


def main(host: str, port: int) -> None:
    """Send ten greetings to the broker at host:port."""
    connection = pika.BlockingConnection(pika.ConnectionParameters(host, port))
    channel = connection.channel()
    channel.queue_declare(queue="hello")
    for number in range(10):
        greeting = {"body": f"Hello World {number}!"}
        channel.basic_publish(exchange="", routing_key="hello", body=json.dumps(greeting))
        print(f"sent {greeting}")
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
