"""The rules of the linter, each a category of warnings: its name, why it matters, and what to do.

A rule fires on what will fail, lose messages or behave otherwise in production or with a later RabbitMQ; never on what
may be meant. Names and classes are for good: suites filter by them.
"""

from typing import ClassVar, Final


class AmqpBrokerWarning(UserWarning):
    """What the linter warns of; each rule is a class of its own. name: the rule's, for lint_ignore and in texts."""

    name: ClassVar[str]
    explanation: ClassVar[str]
    remedy: ClassVar[str]


# What a later RabbitMQ refuses, or does otherwise


class TransientQueueWarning(AmqpBrokerWarning):
    """Source: release-notes/4.3.0.md; `rabbit_amqqueue.erl`, transient_nonexcl_queues."""

    name = "transient-queue"
    explanation = "RabbitMQ 4.3 refuses such queues: it closes the connection with 541 INTERNAL_ERROR"
    remedy = "declare it with durable=True, or with exclusive=True if it is this connection's alone"


class GlobalQosWarning(AmqpBrokerWarning):
    """Source: release-notes/4.3.0.md; `rabbit_channel.erl`, is_global_qos_permitted."""

    name = "global-qos"
    explanation = "RabbitMQ 4.3 takes it as a prefetch of each consumer without a word; quorum queues refuse it anyway"
    remedy = "call basic_qos without global, before basic_consume, with what each consumer may have"


class FrameMaxWarning(AmqpBrokerWarning):
    """Source: release-notes/4.1.0.md; FRAME_MIN_SIZE."""

    name = "frame-max"
    explanation = (
        "since 4.1 RabbitMQ refuses less than 8192: it drops the connection after three seconds without a word"
    )
    remedy = "leave the client's frame_max as it is, or set at least 8192"


class RemovedArgumentWarning(AmqpBrokerWarning):
    """Source: release-notes/4.3.0.md; `rabbit_amqqueue.erl`, `rabbit_classic_queue.erl` at v4.3.5."""

    name = "removed-argument"
    explanation = "what it asked for is gone from RabbitMQ, and later versions refuse it"
    remedy = "declare the queue without it, under a new name if it is there already"


class TopicHashesWarning(AmqpBrokerWarning):
    """Source: `rabbit_exchange_type_topic.erl`, MAX_HASH_WILDCARDS at v4.3.5."""

    name = "topic-hashes"
    explanation = "since 4.3.5 RabbitMQ refuses more than two words # in a topic binding key: 406"
    remedy = "bind several keys with fewer #; # # is #"


class LargeMessageWarning(AmqpBrokerWarning):
    """Source: release-notes/4.0.1.md; max_message_size."""

    name = "large-message"
    explanation = "since 4.0 RabbitMQ refuses messages over 16 MiB unless it is configured otherwise: 406"
    remedy = "keep the content elsewhere and publish where it is"


class RepublishedDeathWarning(AmqpBrokerWarning):
    """Source: release-notes/4.0.1.md; `mc.erl`, record_death."""

    name = "republished-x-death"
    explanation = (
        "since 4.0 RabbitMQ counts no deaths that came with a published message: "
        "whoever republishes what has died and waits for a count waits for ever"
    )
    remedy = "count in a header of your own, or reject the message instead of publishing it again"


class MandatoryReplyWarning(AmqpBrokerWarning):
    """Source: release-notes/4.2.0.md."""

    name = "mandatory-reply"
    explanation = (
        "before 4.2 RabbitMQ returns every mandatory message to a direct reply-to name, also one that is delivered; "
        "since then none, also when nobody waits for it"
    )
    remedy = "publish answers without mandatory, and let whoever asks wait no longer than makes sense"


class DeliveryLimitWarning(AmqpBrokerWarning):
    """Source: release-notes/4.0.1.md; `rabbit_quorum_queue.erl`, get_delivery_limit."""

    name = "delivery-limit"
    explanation = (
        "since 4.0 a quorum queue gives up what came back 20 times unless it says otherwise, and the message is lost"
    )
    remedy = "give the queue a dead-letter exchange, or a delivery-limit that it is meant to have"


# What loses messages


class NoConfirmsWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guide on reliability, "Acknowledgements and Confirms"."""

    name = "no-confirms"
    explanation = (
        "nobody knows whether such a message has arrived: one that a restart or a lost connection takes is lost unseen"
    )
    remedy = "confirm_delivery() (confirm.select) on the channel before publishing, or a transaction"


class UnroutableWarning(AmqpBrokerWarning):
    """Source: the specification, basic.publish, mandatory."""

    name = "unroutable"
    explanation = "the default exchange drops what names no queue, without an error"
    remedy = "declare the queue before publishing, and publish with mandatory=True to be told"


class DeadLetterLostWarning(AmqpBrokerWarning):
    """Source: docs/behaviour/queues.md; `rabbit_dead_letter.erl`."""

    name = "dead-letter-lost"
    explanation = "RabbitMQ drops a dead letter that reaches no queue, without an error"
    remedy = "declare the dead-letter exchange, a queue, and the binding between them beside the queue"


class AutoDeleteLostWarning(AmqpBrokerWarning):
    """Source: `rabbit_amqqueue_process.erl`, maybe_deliver_or_enqueue and should_auto_delete."""

    name = "auto-delete-lost"
    explanation = "an auto-delete queue goes with its last consumer, durable or not, whatever waits in it"
    remedy = (
        "leave out auto_delete if messages are to wait for a consumer that comes back; x-expires ends an unused queue"
    )


# What overloads client or broker


class PrefetchWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guide "Consumer Prefetch"."""

    name = "prefetch-0"
    explanation = "all that waits is given to it at once: it may run out of memory, and other consumers get nothing"
    remedy = "basic_qos(prefetch_count=…) on the channel before basic_consume"


class UnboundedQueueWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guides "Queue Length Limit" and "Production Checklist"."""

    name = "unbounded-queue"
    explanation = "a queue without a limit grows until an alarm blocks every publisher"
    remedy = "x-max-length, x-max-length-bytes or x-message-ttl, as an argument or by a policy"


class RequeueLoopWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guide "Consumer Acknowledgements", requeuing."""

    name = "requeue-loop"
    explanation = "a requeued message comes back at once, to its old place: client and broker are busy with it for ever"
    remedy = "reject with requeue=False to a dead-letter exchange, or retry later by a queue with a time to live"


class PollingWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guide on consumers, "Fetching Individual Messages"."""

    name = "polling-get"
    explanation = "basic.get asks the broker each time, whether there is anything or not: slow, and a load for nothing"
    remedy = "basic_consume; in a test, the broker's wait_for"


class ConnectionChurnWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guide "Connections", high connection churn."""

    name = "connection-churn"
    explanation = (
        "a connection for each message takes seven round trips, and leaves sockets behind that a host runs out of"
    )
    remedy = "open one connection when the program starts and keep it"


class ChannelChurnWarning(AmqpBrokerWarning):
    """Source: RabbitMQ's guide "Channels", high channel churn."""

    name = "channel-churn"
    explanation = "a channel for each message takes round trips that the message itself does not"
    remedy = "open one channel for each thread or task and keep it"


# What closes the channel


class AckOnWrongChannelWarning(AmqpBrokerWarning):
    """Source: the specification, delivery-tag: it is the channel's own."""

    name = "ack-wrong-channel"
    explanation = (
        "a delivery tag is its channel's own: another one answers 406, or settles a message of its own that has the tag"
    )
    remedy = "acknowledge on the channel that the message came by"


class AckTwiceWarning(AmqpBrokerWarning):
    """Source: `rabbit_channel.erl`, collect_acks."""

    name = "ack-twice"
    explanation = (
        "RabbitMQ closes the channel with 406: a message is acknowledged once, and one that came with auto_ack never"
    )
    remedy = "acknowledge in one place, and nothing that was consumed with auto_ack"


def _all_of(category: type[AmqpBrokerWarning]) -> dict[str, type[AmqpBrokerWarning]]:
    return {rule.name: rule for rule in category.__subclasses__()}


RULES: Final = _all_of(AmqpBrokerWarning)
