"""The broker: what all connections share."""

import base64
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

from amqpbroker.limits import CONSUMER_TIMEOUT_MS
from amqpbroker.model.access import LoginRefused, User, Users
from amqpbroker.model.access.failed_logins import FailedLogins
from amqpbroker.model.access.permissions import Permissions, TopicPermissions
from amqpbroker.model.counters import Attempts, Churn, Counters, Traffic
from amqpbroker.model.observing.announcer import INTERNAL_USER, Announcer
from amqpbroker.model.observing.events import Events
from amqpbroker.model.observing.firehose import Firehose
from amqpbroker.model.observing.interceptors import Interceptors
from amqpbroker.model.policies.parameters import GlobalParameters
from amqpbroker.model.policies.quotas import Quotas
from amqpbroker.model.ports import Clock, Journal, LiveConnection
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost, check_queue_type
from amqpbroker.profiles import Profile

logger = logging.getLogger("amqpbroker.alarms")

# What publishers are held back for.
MEMORY: Final = "memory"
DISK: Final = "disk"

# A global parameter.
CLUSTER_NAME: Final = "cluster_name"

_MEMORY_BYTES = attrgetter("memory_bytes")


class Broker:
    """Virtual hosts, users, the profile, and whether publishers are held back.

    random_bytes: where generated names come from; the system's in a server, a seeded one in a simulation.
    clock: what everything that has a time of its own goes by.
    alarms: the resources that are short. blocked_reason: why publishers are held back, None when they are not.
    node_name: what events, traces and logs call this server. cluster_name: what operators call it unless they have
    given it another name.
    announcer: publishes what the broker itself has to say.
    interceptors: what is written into each message; None: nothing.
    consumer_timeout_ms: how long clients may leave messages unacknowledged where neither queue nor consumer says it;
    None: as long as they like.
    default_queue_type: of a queue that is declared without one in a virtual host that says none; None: what a queue is
    anyway.
    connections: those that are open, the oldest first. journal: where what is durable is recorded; None keeps
    everything in memory. permissions, topic_permissions: what users may do where;
    failed_logins: who has guessed.
    global_parameters: what is set by name for all of it. quotas: who is there, and how many may be.
    churn: what came and went. attempts: who wanted to log in, by protocol. counters, queue_counters, traffic,
    dead_letter_counts, dead_letters_confirmed: of virtual hosts that were deleted, as they have them.
    reply_queues: the consumers of direct reply-to, by the name that a reply is sent to.
    """

    def __init__(
        self,
        profile: Profile,
        users: Users,
        random_bytes: Callable[[int], bytes],
        clock: Clock,
        node_name: str = "rabbit@localhost",
        cluster_name: str = "rabbit@localhost",
    ) -> None:
        self.profile = profile
        self.users = users
        self.clock = clock
        self.node_name = node_name
        self._cluster_name = cluster_name
        self.announcer = Announcer(clock)
        self.events = Events(profile, clock, self.announcer, node_name)
        self.interceptors: Interceptors | None = None
        self.journal: Journal | None = None
        self.vhosts: dict[str, VirtualHost] = {}
        self.alarms: set[str] = set()
        self.blocked_reason: str | None = None
        self.consumer_timeout_ms: int | None = CONSUMER_TIMEOUT_MS
        self.default_queue_type: str | None = None
        self.reply_queues: dict[str, Queue] = {}
        self.connections: dict[LiveConnection, None] = {}
        self.churn = Churn()
        self.attempts: dict[str, Attempts] = {}
        self.counters = Counters()
        self.queue_counters: dict[str, Counters] = {}
        self.dead_letter_counts: Counter[tuple[str, str, str]] = Counter()
        self.dead_letters_confirmed = 0
        self.traffic = Traffic()
        users.serve(self.events.access, random_bytes)
        self.failed_logins = FailedLogins()
        self.permissions = Permissions(self.events.access, self._access_changed)
        self.topic_permissions = TopicPermissions(self.events.access, self._access_changed)
        self.global_parameters = GlobalParameters()
        self.quotas = Quotas(profile, self.events.access)
        self._random_bytes = random_bytes
        self._vhost_watchers: list[Callable[[VirtualHost], None]] = []
        self._on_unblock: dict[Callable[[], None], None] = {}

    @property
    def cluster_name(self) -> str:
        """What operators call the broker: the global parameter of that name, if there is one."""
        given = self.global_parameters.get(CLUSTER_NAME)
        return given if isinstance(given, str) else self._cluster_name

    # Virtual hosts and users

    def log_in(self, name: str, password: bytes, peer: str) -> User:
        """The user with that name and password. Raises LoginRefused.

        peer: the address of whoever asks, for whom guessing takes longer and longer.
        """
        now_s = self.clock.now_s()
        wait_s = self.failed_logins.wait_s(peer, name, now_s)
        if wait_s:
            raise LoginRefused(f"user '{name}' - too many failed logins from {peer}: {wait_s:.1f} s to wait")
        user = self.users.authenticate(name, password)
        if user is None:
            self.failed_logins.failed(peer, name, now_s)
            raise LoginRefused(f"user '{name}' - invalid credentials")
        self.failed_logins.succeeded(peer, name)
        return user

    def add_vhost(self, name: str) -> VirtualHost:
        """A new virtual host with the predeclared exchanges, of which nothing is recorded."""
        vhost = self.vhosts[name] = VirtualHost(
            name, self.profile, self._random_bytes, self.clock, self.journal, self.events, self.churn
        )
        for begin in self._vhost_watchers:
            begin(vhost)
        return vhost

    def create_vhost(
        self,
        name: str,
        *,
        description: str = "",
        tags: Sequence[str] = (),
        default_queue_type: str | None = None,
        tracing: bool = False,
        user: str = INTERNAL_USER,
    ) -> VirtualHost:
        """A new virtual host, at the user's wish; nobody may enter it yet. Raises InvalidParameterError.

        default_queue_type and the others: see `VirtualHost`, which has `set_metadata` for one that is there.
        """
        check_queue_type(default_queue_type)
        vhost = self.add_vhost(name)
        vhost.description, vhost.tags, vhost.default_queue_type = description, tuple(tags), default_queue_type
        vhost.record()
        self.trace(vhost, tracing)
        self.events.access.vhost_told("created", vhost, user)
        return vhost

    def delete_vhost(self, name: str, user: str = INTERNAL_USER) -> None:
        """Closes the connections that are in a virtual host, and forgets it with all that is in it.

        Source: RabbitMQ `rabbit_vhost:delete/2`, `rabbit_connection_tracking_handler`.
        """
        vhost = self.vhosts[name]
        for permission in self.permissions.of_vhost(name):
            self.permissions.clear(permission.user, name, user)
        for user_name in {permission.user for permission in self.topic_permissions.of_vhost(name)}:
            self.topic_permissions.clear(user_name, name, user=user)
        self.close_connections(f"vhost '{name}' is deleted", vhost=name)
        vhost.empty(user)
        self._keep_counters(vhost)
        self.events.access.vhost_deleted(name, user)
        self.events.end(vhost)
        del self.vhosts[name]

    def renew_vhost(self, name: str) -> VirtualHost:
        """A fresh virtual host in the place of one that nobody is in and nothing is recorded of.

        It is as one that was added, and takes the time of that alone: what was in the former one is told to nobody, and
        what is left of it is its queues with what waits in them, which whoever called may let go of when it suits.
        """
        former = self.vhosts[name]
        former.abandon()
        self._keep_counters(former)
        fresh = self.add_vhost(name)
        fresh.version = former.version + 1
        return fresh

    def count_up(self) -> None:
        """From now on all counters are true, see `VirtualHost.count_up`."""
        for vhost in self.vhosts.values():
            vhost.count_up()

    def _keep_counters(self, vhost: VirtualHost) -> None:
        """A virtual host goes, and its part in the totals stays."""
        self.counters.add(vhost.counters)
        self.traffic.add(vhost.traffic)
        self.dead_letter_counts.update(vhost.dead_letters.counts)
        self.dead_letters_confirmed += vhost.dead_letters.confirmed
        for kind, counters in vhost.queue_counters.items():
            self.queue_counters.setdefault(kind, Counters()).add(counters)

    def delete_user(self, name: str, user: str = INTERNAL_USER) -> None:
        """Forgets a user with all that the user may, and closes the user's connections. Raises KeyError.

        Source: RabbitMQ `rabbit_auth_backend_internal:delete_user/2`, `rabbit_connection_tracking_handler`.
        """
        self.users.remove(name, user)
        self.permissions.forget_user(name)
        self.topic_permissions.forget_user(name)
        self.quotas.forget_user(name)
        self.close_connections(f"user '{name}' is deleted", user=name)

    def _access_changed(self, vhost: str) -> None:
        """Whoever keeps decisions about where messages go has to make them again."""
        self.vhosts[vhost].version += 1

    def close_connections(self, reason: str, *, user: str | None = None, vhost: str | None = None) -> None:
        """Closes the connections of a user, or those in a virtual host, with 320 and the reason."""
        for connection in list(self.connections):
            if user in (None, connection.user_name) and vhost in (None, connection.vhost.name):
                connection.force_close(reason)

    def watch_vhosts(self, begin: Callable[[VirtualHost], None]) -> None:
        """Calls begin with every virtual host that is there, and with each that comes."""
        self._vhost_watchers.append(begin)
        for vhost in self.vhosts.values():
            begin(vhost)

    def has_tried_to_log_in(self, protocol: str, *, succeeded: bool) -> None:
        """Somebody has, with this outcome. protocol: as RabbitMQ calls it, 'amqp091' or 'http'."""
        attempts = self.attempts.setdefault(protocol, Attempts())
        if succeeded:
            attempts.succeeded += 1
        else:
            attempts.failed += 1

    def trace(self, vhost: VirtualHost, is_on: bool) -> None:
        """Whether copies of what comes and goes in a virtual host go to amq.rabbitmq.trace. Forgotten by a restart."""
        if vhost.firehose is not None:
            vhost.unwatch(vhost.firehose)
            vhost.firehose = None
        if is_on:
            vhost.firehose = Firehose(vhost, self.announcer, self.node_name)
            vhost.watch(vhost.firehose)

    def open_journal(self, journal: Journal) -> None:
        """From now on what is durable is recorded, and what does not fit into memory goes to disk."""
        self.journal = self.global_parameters.journal = self.quotas.journal = journal
        self.users.journal = self.permissions.journal = self.topic_permissions.journal = journal
        for vhost in self.vhosts.values():
            vhost.journal = journal

    def generate_name(self, prefix: str) -> str:
        """A name that nobody can guess: prefix, a hyphen and 22 characters, as RabbitMQ makes them."""
        return f"{prefix}-{self.generate_token()}"

    def generate_token(self) -> str:
        """128 random bits as 22 characters of URL-safe base64."""
        return base64.urlsafe_b64encode(self._random_bytes(16)).rstrip(b"=").decode()

    def held_bytes(self) -> int:
        """What all queues, and exchanges, keep in memory of the messages that wait in them."""
        waiting = sum(sum(map(_MEMORY_BYTES, vhost.queues.values())) for vhost in self.vhosts.values())
        exchanges = (exchange for vhost in self.vhosts.values() for exchange in vhost.exchanges.values())
        return waiting + sum(exchange.hidden.held_bytes for exchange in exchanges if exchange.hidden is not None)

    # Holding publishers back

    def raise_alarm(self, resource: str) -> None:
        """Holds back every connection that publishes from now on; it is told why if it asked to be.

        resource: MEMORY or DISK. Source: RabbitMQ's rabbit_alarm and rabbit_reader:blocked_by_message.
        """
        if resource not in self.alarms:
            self.alarms.add(resource)
            self.blocked_reason = self._reason()
            self.events.alarm_set(resource)
            logger.warning("%s resource limit alarm set. Publishers will be blocked until this alarm clears", resource)

    def clear_alarm(self, resource: str) -> None:
        """The resource is there again; publishers go on when none is short any more."""
        if resource not in self.alarms:
            return
        self.alarms.remove(resource)
        self.blocked_reason = self._reason()
        self.events.alarm_cleared(resource)
        logger.warning("%s resource limit alarm cleared", resource)
        if not self.alarms:
            waiting, self._on_unblock = self._on_unblock, {}
            for resume in waiting:
                resume()

    def _reason(self) -> str | None:
        """RabbitMQ's words and its order: disk before memory."""
        return f"low on {' & '.join(sorted(self.alarms))}" if self.alarms else None

    def when_unblocked(self, resume: Callable[[], None]) -> None:
        """Calls resume when publishers may go on."""
        self._on_unblock[resume] = None

    def stop_waiting(self, resume: Callable[[], None]) -> None:
        """Whoever waited is gone: an alarm may last, and connections come and go."""
        self._on_unblock.pop(resume, None)
