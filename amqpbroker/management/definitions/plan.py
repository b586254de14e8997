"""What an import will do, worked out before any of it is done: a document that fails half-way changes nothing."""

from collections import ChainMap
from collections.abc import Callable

from amqpbroker.management.definitions.document import Entry
from amqpbroker.model.broker import Broker
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.queue import Queue
from amqpbroker.profiles import Profile


class PlannedVhost:
    """A virtual host as it will be: with what is there, and what has been planned for it.

    queues_skipped: what the document has and is not made, since its name is the server's to give.
    """

    def __init__(self, broker: Broker, name: str) -> None:
        host = broker.vhosts.get(name)
        self.name = name
        self.exchanges: ChainMap[str, Exchange] = ChainMap({}, host.exchanges if host is not None else {})
        self.queues: ChainMap[str, Queue] = ChainMap({}, host.queues if host is not None else {})
        self.queues_skipped: set[str] = set()
        self.exchanges_skipped: set[str] = set()
        self.default_queue_type = host.default_queue_type if host is not None else None
        self.max_queues = host.parameters.limit("max-queues") if host is not None else None


class Plan:
    """The steps of one import, at the user's wish.

    vhost: the one that all of it is for, whatever the entries say; None: each entry names its own.
    """

    def __init__(self, broker: Broker, user: str, vhost: str | None = None) -> None:
        self.broker = broker
        self.user = user
        self.users = {user.name for user in broker.users}
        self.vhosts = {name: PlannedVhost(broker, name) for name in broker.vhosts}
        self._only = vhost
        self._steps: list[Callable[[], object]] = []

    @property
    def profile(self) -> Profile:
        """The version of RabbitMQ to behave as."""
        return self.broker.profile

    def then(self, step: Callable[[], object]) -> None:
        """One more step, which has been found to be possible."""
        self._steps.append(step)

    def vhost_of(self, entry: Entry) -> PlannedVhost:
        """The virtual host of an entry. DefinitionsError: it names none, or one that will not be there."""
        if self._only is not None:
            return self.vhosts[self._only]
        if "vhost" not in entry:
            text = "Virtual host does not exist and is not specified in definitions file."
            advice = "What was exported from one virtual host is imported into one."
            raise entry.wrong("vhost", f"{text} {advice}")
        name = entry.text("vhost")
        planned = self.vhosts.get(name)
        if planned is None:
            raise entry.wrong("vhost", f'Please create virtual host "{name}" prior to importing definitions.')
        return planned

    def carry_out(self) -> None:
        """All of it, in one turn: what is durable is on disk in one piece."""
        for step in self._steps:
            step()
