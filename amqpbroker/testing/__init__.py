"""The broker inside a test suite: in this process, ready at once, looked into, its time and its faults in your hand.

    from amqpbroker.testing import Broker

    with Broker() as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))

`Broker` has a thread and a loop of its own; `AsyncBroker` lives on its caller's.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amqpbroker.testing.async_broker import AsyncBroker
    from amqpbroker.testing.broker import Broker
    from amqpbroker.testing.crashes.ledger import ConfirmedMessage, SurvivalError
    from amqpbroker.testing.errors import BrokerStoppedError, FaultTargetError
    from amqpbroker.testing.faults.log import FaultLog
    from amqpbroker.testing.inspection.errors import ExpectationError, WaitTimeoutError
    from amqpbroker.testing.inspection.message import Message
    from amqpbroker.testing.inspection.queues import QueueState, UnknownQueueError
    from amqpbroker.testing.inspection.view import UnknownVhostError, View
    from amqpbroker.testing.linter.findings import Finding
    from amqpbroker.testing.linter.rules import (
        AckOnWrongChannelWarning,
        AckTwiceWarning,
        AmqpBrokerWarning,
        AutoDeleteLostWarning,
        ChannelChurnWarning,
        ConnectionChurnWarning,
        DeadLetterLostWarning,
        DeliveryLimitWarning,
        FrameMaxWarning,
        GlobalQosWarning,
        LargeMessageWarning,
        MandatoryReplyWarning,
        NoConfirmsWarning,
        PollingWarning,
        PrefetchWarning,
        RemovedArgumentWarning,
        RepublishedDeathWarning,
        RequeueLoopWarning,
        TopicHashesWarning,
        TransientQueueWarning,
        UnboundedQueueWarning,
        UnroutableWarning,
    )
    from amqpbroker.testing.process import BrokerProcess, BrokerProcessError
    from amqpbroker.testing.recording.errors import RecordingError
    from amqpbroker.testing.recording.replaying import Replayed
    from amqpbroker.testing.snapshots import Snapshot, SnapshotError
    from amqpbroker.testing.vhosts import AsyncVhost, Vhost

__all__ = [
    "AckOnWrongChannelWarning",
    "AckTwiceWarning",
    "AmqpBrokerWarning",
    "AsyncBroker",
    "AsyncVhost",
    "AutoDeleteLostWarning",
    "Broker",
    "BrokerProcess",
    "BrokerProcessError",
    "BrokerStoppedError",
    "ChannelChurnWarning",
    "ConfirmedMessage",
    "ConnectionChurnWarning",
    "DeadLetterLostWarning",
    "DeliveryLimitWarning",
    "ExpectationError",
    "FaultLog",
    "FaultTargetError",
    "Finding",
    "FrameMaxWarning",
    "GlobalQosWarning",
    "LargeMessageWarning",
    "MandatoryReplyWarning",
    "Message",
    "NoConfirmsWarning",
    "PollingWarning",
    "PrefetchWarning",
    "QueueState",
    "RecordingError",
    "RemovedArgumentWarning",
    "Replayed",
    "RepublishedDeathWarning",
    "RequeueLoopWarning",
    "Snapshot",
    "SnapshotError",
    "SurvivalError",
    "TopicHashesWarning",
    "TransientQueueWarning",
    "UnboundedQueueWarning",
    "UnknownQueueError",
    "UnknownVhostError",
    "UnroutableWarning",
    "Vhost",
    "View",
    "WaitTimeoutError",
]

# Imported when first used: a suite that loads the plugin and uses no fixture pays nothing.
_WHERE = {
    "AsyncBroker": "amqpbroker.testing.async_broker",
    "AsyncVhost": "amqpbroker.testing.vhosts",
    "Broker": "amqpbroker.testing.broker",
    "BrokerProcess": "amqpbroker.testing.process",
    "BrokerProcessError": "amqpbroker.testing.process",
    "BrokerStoppedError": "amqpbroker.testing.errors",
    "Finding": "amqpbroker.testing.linter.findings",
    "AckOnWrongChannelWarning": "amqpbroker.testing.linter.rules",
    "AckTwiceWarning": "amqpbroker.testing.linter.rules",
    "AmqpBrokerWarning": "amqpbroker.testing.linter.rules",
    "AutoDeleteLostWarning": "amqpbroker.testing.linter.rules",
    "ChannelChurnWarning": "amqpbroker.testing.linter.rules",
    "ConnectionChurnWarning": "amqpbroker.testing.linter.rules",
    "DeadLetterLostWarning": "amqpbroker.testing.linter.rules",
    "DeliveryLimitWarning": "amqpbroker.testing.linter.rules",
    "FrameMaxWarning": "amqpbroker.testing.linter.rules",
    "GlobalQosWarning": "amqpbroker.testing.linter.rules",
    "LargeMessageWarning": "amqpbroker.testing.linter.rules",
    "MandatoryReplyWarning": "amqpbroker.testing.linter.rules",
    "NoConfirmsWarning": "amqpbroker.testing.linter.rules",
    "PollingWarning": "amqpbroker.testing.linter.rules",
    "PrefetchWarning": "amqpbroker.testing.linter.rules",
    "RecordingError": "amqpbroker.testing.recording.errors",
    "Replayed": "amqpbroker.testing.recording.replaying",
    "RemovedArgumentWarning": "amqpbroker.testing.linter.rules",
    "RepublishedDeathWarning": "amqpbroker.testing.linter.rules",
    "RequeueLoopWarning": "amqpbroker.testing.linter.rules",
    "TopicHashesWarning": "amqpbroker.testing.linter.rules",
    "TransientQueueWarning": "amqpbroker.testing.linter.rules",
    "UnboundedQueueWarning": "amqpbroker.testing.linter.rules",
    "UnroutableWarning": "amqpbroker.testing.linter.rules",
    "ExpectationError": "amqpbroker.testing.inspection.errors",
    "Message": "amqpbroker.testing.inspection.message",
    "QueueState": "amqpbroker.testing.inspection.queues",
    "UnknownQueueError": "amqpbroker.testing.inspection.queues",
    "UnknownVhostError": "amqpbroker.testing.inspection.view",
    "Snapshot": "amqpbroker.testing.snapshots",
    "SnapshotError": "amqpbroker.testing.snapshots",
    "Vhost": "amqpbroker.testing.vhosts",
    "View": "amqpbroker.testing.inspection.view",
    "WaitTimeoutError": "amqpbroker.testing.inspection.errors",
    "ConfirmedMessage": "amqpbroker.testing.crashes.ledger",
    "SurvivalError": "amqpbroker.testing.crashes.ledger",
    "FaultLog": "amqpbroker.testing.faults.log",
    "FaultTargetError": "amqpbroker.testing.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
