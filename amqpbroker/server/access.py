"""Who is there at the start: what the configuration says of users, in a data directory that may know others already."""

from amqpbroker.model.broker import Broker
from amqpbroker.server.config import Config


def set_up_access(broker: Broker, config: Config) -> None:
    """Makes the configured users, with their permissions in the configured virtual host. Everything is restored.

    As in RabbitMQ the default user is made only where no user is known. Users that are named explicitly have the
    configured password and tags from every start on. What they may is set only where the user or the virtual host is
    new: whatever was changed since stays as it was changed.
    """
    no_users = not len(broker.users)
    vhost = broker.vhosts[config.vhost]
    vhost_is_new = not vhost.recorded
    if vhost_is_new and not vhost.description:
        vhost.description = "Default virtual host"
    for one in broker.vhosts.values():
        if not one.recorded:
            one.record()
    for configured in config.users:
        is_new = configured.name not in broker.users
        if configured.only_at_first and not no_users:
            continue
        broker.users.set(configured.name, password_hash=configured.password_hash, tags=configured.tags)
        # Directories that know no user are new, or from when everybody could do everything.
        vhosts = list(broker.vhosts) if no_users else [config.vhost] if is_new or vhost_is_new else []
        configure, write, read = configured.permissions
        for name in vhosts:
            broker.permissions.set(configured.name, name, configure=configure, write=write, read=read)
