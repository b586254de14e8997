"""Direct reply-to: a consumer without a queue, for the answers to requests.

A client consumes from the name `amq.rabbitmq.reply-to` without acknowledgement and publishes with that name as
reply-to; the server puts a name in its place that only this channel's answers reach. Such a name holds no messages and
ends with its channel.

Source: RabbitMQ documentation, "Direct Reply-to"; `rabbit_channel`, `rabbit_volatile_queue`.
"""

from typing import Final

REPLY_TO: Final = "amq.rabbitmq.reply-to"


def is_reply_to(name: str) -> bool:
    """Whether a queue name or routing key is the name to consume from or to reply to."""
    return name.startswith(REPLY_TO)
