"""Who may do what: users and their passwords, and what they may configure, write and read."""

from amqpbroker.model.access.users import User, Users

__all__ = ["User", "Users"]
