"""The broker: what all connections share."""

import base64
from collections.abc import Callable

from amqpbroker.model.access import Users
from amqpbroker.model.ports import Tap
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import Profile


class Broker:
    """Virtual hosts, users, the profile, and whether publishers are held back.

    random_bytes: where generated names come from; the system's in a server, a seeded one in a simulation.
    blocked_reason: why publishers are held back, None when they are not. tap: who watches the traffic, if anybody.
    connection_count: how many connections are open.
    reply_queues: the consumers of direct reply-to, by the name that a reply is sent to.
    """

    def __init__(self, profile: Profile, users: Users, random_bytes: Callable[[int], bytes]) -> None:
        self.profile = profile
        self.users = users
        self.vhosts: dict[str, VirtualHost] = {}
        self.blocked_reason: str | None = None
        self.tap: Tap | None = None
        self.reply_queues: dict[str, Queue] = {}
        self.connection_count = 0
        self._random_bytes = random_bytes
        self._on_unblock: list[Callable[[], None]] = []

    def add_vhost(self, name: str) -> VirtualHost:
        """A new virtual host with the predeclared exchanges."""
        vhost = self.vhosts[name] = VirtualHost(name, self.profile)
        return vhost

    def generate_name(self, prefix: str) -> str:
        """A name that nobody can guess: prefix, a hyphen and 22 characters, as RabbitMQ makes them."""
        return f"{prefix}-{self.generate_token()}"

    def generate_token(self) -> str:
        """128 random bits as 22 characters of URL-safe base64."""
        return base64.urlsafe_b64encode(self._random_bytes(16)).rstrip(b"=").decode()

    # Holding publishers back

    def block(self, reason: str) -> None:
        """Holds back every connection that publishes from now on; it is told the reason if it asked to be."""
        self.blocked_reason = reason

    def unblock(self) -> None:
        """Lets publishers go on."""
        self.blocked_reason = None
        waiting, self._on_unblock = self._on_unblock, []
        for resume in waiting:
            resume()

    def when_unblocked(self, resume: Callable[[], None]) -> None:
        """Calls resume when publishers may go on."""
        self._on_unblock.append(resume)
