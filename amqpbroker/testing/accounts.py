"""Users, what they may, and what is set for the whole broker: as it was at a time, and that again."""

from amqpbroker.model.broker import Broker


class Accounts:
    """Those of a broker at the moment of its making."""

    def __init__(self, broker: Broker) -> None:
        self._users = {user.name: user for user in broker.users}
        self._permissions = list(broker.permissions)
        self._topic_permissions = list(broker.topic_permissions)
        self._user_limits = {name: dict(limits) for name, limits in broker.quotas.user_limits().items()}
        self._global_parameters = dict(broker.global_parameters)

    def put_back(self, broker: Broker) -> None:
        """They are as they were then, in the virtual hosts that are there; who was not there then is disconnected."""
        self._put_back_users(broker)
        self._put_back_permissions(broker)
        for name in broker.quotas.user_limits().keys() - self._user_limits.keys():
            broker.quotas.clear_user_limit(name, "all")
        for name, limits in self._user_limits.items():
            if broker.quotas.user_limits().get(name) != limits:
                broker.quotas.clear_user_limit(name, "all")
                broker.quotas.set_user_limits(name, limits)
        now = dict(broker.global_parameters)
        for name in now.keys() - self._global_parameters.keys():
            broker.global_parameters.clear(name)
        for name, value in self._global_parameters.items():
            if name not in now or now[name] != value:
                broker.global_parameters.set(name, value)

    def _put_back_users(self, broker: Broker) -> None:
        for user in list(broker.users):
            if user.name not in self._users:
                broker.delete_user(user.name)
        for user in self._users.values():
            if broker.users.get(user.name) != user:
                broker.users.set(
                    user.name,
                    password_hash=user.password_hash,
                    hashing_algorithm=user.hashing_algorithm,
                    tags=user.tags,
                )

    def _put_back_permissions(self, broker: Broker) -> None:
        kept = {(one.user, one.vhost) for one in self._permissions}
        for one in list(broker.permissions):
            if (one.user, one.vhost) not in kept:
                broker.permissions.clear(one.user, one.vhost)
        for one in self._permissions:
            if one.vhost in broker.vhosts and broker.permissions.get(one.user, one.vhost) != one:
                broker.permissions.set(one.user, one.vhost, configure=one.configure, write=one.write, read=one.read)
        topics = {(one.user, one.vhost, one.exchange) for one in self._topic_permissions}
        for topic in list(broker.topic_permissions):
            if (topic.user, topic.vhost, topic.exchange) not in topics:
                broker.topic_permissions.clear(topic.user, topic.vhost, topic.exchange)
        for topic in self._topic_permissions:
            now = broker.topic_permissions.get(topic.user, topic.vhost, topic.exchange)
            if topic.vhost in broker.vhosts and now != topic:
                broker.topic_permissions.set(
                    topic.user, topic.vhost, topic.exchange, write=topic.write, read=topic.read
                )
