"""Users whose password is `secret`, but for guest's, and who may do everything."""

from amqpbroker.model.access import User, Users
from amqpbroker.model.access.passwords import hash_password
from amqpbroker.model.access.permissions import Permission
from amqpbroker.model.broker import Broker


def user_with(name: str, password: str = "secret", *tags: str) -> User:
    return User(name, hash_password(password.encode(), b"salt"), tags=tags)


def users_with(*names: str) -> Users:
    return Users(user_with(name, "guest" if name == "guest" else "secret") for name in names)


def allow_all(broker: Broker) -> None:
    """Everybody may do everything in every virtual host there is; nothing is recorded."""
    for vhost in broker.vhosts:
        for user in broker.users:
            allow(broker, user.name, vhost)


def allow(
    broker: Broker, name: str, vhost: str = "/", *, configure: str = ".*", write: str = ".*", read: str = ".*"
) -> None:
    """What a user may in a virtual host; not recorded."""
    broker.permissions.add(Permission(name, vhost, configure, write, read))
