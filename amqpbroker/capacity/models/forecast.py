"""What a model says of a queue in its steady state."""

from dataclasses import dataclass

from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.waits import Waits


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect of a queue that has had its load for long.

    model: its name in Kendall's notation. load: what was asked about. waits: how the waits of the messages that are
    delivered are distributed. loss_probability: the chance that a message is lost, because the queue is full;
    delivery_probability: that it is not, where next to all are lost.
    mean_is_exact, percentiles_are_exact: for the model's assumptions, not for a queue that does not meet them.
    lost_have_waited: those that are lost have waited like the others (drop-head), and are among the waits.
    """

    model: str
    load: Load
    waits: Waits
    loss_probability: float = 0.0
    delivery_probability: float = 1.0
    mean_is_exact: bool = True
    percentiles_are_exact: bool = True
    lost_have_waited: bool = False

    @property
    def delivered_per_s(self) -> float:
        """Messages a second that are not lost."""
        return self.load.arrivals_per_s * self.delivery_probability

    @property
    def utilisation(self) -> float:
        """The part of their time that the consumers work."""
        return self.load.utilisation * self.delivery_probability

    @property
    def wait_probability(self) -> float:
        """The chance that a message waits; of those that are refused (reject-publish) nothing is said."""
        return self.waits.probability

    @property
    def wait_mean_s(self) -> float:
        """Mean seconds from publishing to delivery: Wq; of those that are refused nothing is said."""
        return self.waits.mean_s

    def wait_percentile_s(self, percentile: float) -> float:
        """The wait that so many of a hundred messages do not exceed, in seconds. WrongInput: not in 0 … 100."""
        return self.waits.percentile_s(percentile)

    @property
    def latency_mean_s(self) -> float:
        """Mean seconds from publishing to the acknowledgement: W = Wq + 1/μ."""
        return self.wait_mean_s + self.load.service_s

    @property
    def ready_mean(self) -> float:
        """Mean number of messages that wait: Lq, by Little's law (Little 1961, Operations Research 9)."""
        waiting_per_s = self.load.arrivals_per_s if self.lost_have_waited else self.delivered_per_s
        return waiting_per_s * self.wait_mean_s

    @property
    def messages_mean(self) -> float:
        """Mean number of messages that wait or are with consumers: L."""
        return self.ready_mean + self.utilisation * self.load.consumers
