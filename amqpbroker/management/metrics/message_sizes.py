"""The histogram of message sizes. It counts from when somebody asks for it first: until then it costs nothing."""

from typing import TYPE_CHECKING, Final

from prometheus_client import generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from amqpbroker.model.message_sizes import MessageSizes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    from amqpbroker.model.broker import Broker
    from amqpbroker.model.vhost import VirtualHost

_HELP: Final = "Sizes of the bodies that were published since somebody has asked for this"
# As Go writes the limits, and so RabbitMQ; dashboards ask for these very words.
_LIMITS: Final = ("100.0", "1000.0", "10000.0", "100000.0", "1e+06", "1e+07", "5e+07", "1e+08", "+Inf")


class SizeCollector(Collector):
    """What was published to any virtual host of a broker, from now on."""

    def __init__(self, broker: "Broker") -> None:
        known = (vhost.message_sizes for vhost in broker.vhosts.values())
        self.sizes = next((sizes for sizes in known if sizes is not None), None) or MessageSizes()
        broker.watch_vhosts(self._begin)

    def _begin(self, vhost: "VirtualHost") -> None:
        vhost.message_sizes = self.sizes

    def collect(self) -> "Iterable[Metric]":
        family = HistogramMetricFamily("rabbitmq_message_size_bytes", _HELP, labels=["protocol"])
        buckets, below = [], 0
        for limit, count in zip(_LIMITS, self.sizes.counts, strict=True):
            below += count
            buckets.append((limit, float(below)))
        family.add_metric(["amqp091"], buckets, self.sizes.total_bytes)
        return [family]

    def written(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self)
