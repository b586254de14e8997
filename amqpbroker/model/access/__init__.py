"""Who may do what: users and their passwords, and what they may configure, write and read."""

from amqpbroker.model.access.users import LoginRefused, User, Users

__all__ = ["LoginRefused", "User", "Users"]
