"""Commands for who may do what: users, passwords, tags, permissions, virtual hosts."""

import sys
from typing import Any

from amqpbroker.cli import say, users
from amqpbroker.cli.client import Client, Refused, basic
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_DATA, EX_NO_USER, EX_SOFTWARE, EX_UNAVAILABLE, Failed, error


def add_user(call: Call) -> None:
    """A user, who may do nothing yet."""
    name = call.words[0]
    call.banner(f'Adding user "{name}" ...')
    password = _password(call)
    if call.get("users", name) is not None:
        raise error(EX_SOFTWARE, f'User "{name}" already exists')
    key = "password_hash" if "pre-hashed-password" in call.invocation.given else "password"
    call.client.put("users", name, body={key: password, "tags": ""})
    call.banner(
        "Done. Don't forget to grant the user permissions to some virtual hosts! "
        "See 'rabbitmqctl help set_permissions' to learn more."
    )


def delete_user(call: Call) -> None:
    """A user is gone, with all permissions."""
    name = call.words[0]
    call.banner(f'Deleting user "{name}" ...')
    _user(call, name)
    call.client.delete("users", name)


def change_password(call: Call) -> None:
    """Another password."""
    name = call.words[0]
    call.banner(f'Changing password for user "{name}" ...')
    password = _password(call)
    body = {"password": password, "tags": users.tags_of(_user(call, name))}
    call.client.put("users", name, body=body)


def clear_password(call: Call) -> None:
    """Nobody can log in with a password as this user."""
    name = call.words[0]
    call.banner(f'Clearing password for user "{name}" ...')
    body = {"password_hash": "", "tags": users.tags_of(_user(call, name))}
    call.client.put("users", name, body=body)


def authenticate_user(call: Call) -> None:
    """Whether name and password are right."""
    name = call.words[0]
    call.banner(f'Authenticating user "{name}" ...')
    asking = Client(call.client.url, basic(name, _password(call)))
    try:
        asking.get("whoami")
    except Refused as refusal:
        # Others than operators are turned away, too, but for another reason.
        if refusal.status != 401 or "Not management user" not in refusal.reason:
            text = f"Error: failed to authenticate user \"{name}\"\nuser '{name}' - invalid credentials"
            raise error(EX_DATA, text) from None
    finally:
        asking.close()
    say("Success")


def set_user_tags(call: Call) -> None:
    """These tags and no others."""
    name, *tags = call.words
    call.banner(f'Setting tags for user "{name}" to [{", ".join(tags)}] ...')
    _user(call, name)
    users.set_tags(call.client, name, tags)


def set_permissions(call: Call) -> None:
    """What a user may do in a virtual host."""
    name, configure, write, read = call.words
    call.banner(f'Setting permissions for user "{name}" in vhost "{call.vhost}" ...')
    _user_and_vhost(call, name)
    body = {"configure": configure, "write": write, "read": read}
    call.client.put("permissions", call.vhost, name, body=body)


def clear_permissions(call: Call) -> None:
    """A user may do nothing in a virtual host."""
    name = call.words[0]
    call.banner(f'Clearing permissions for user "{name}" in vhost "{call.vhost}" ...')
    _user_and_vhost(call, name)
    _remove_if_there(call, "permissions", call.vhost, name)


def set_topic_permissions(call: Call) -> None:
    """Which routing keys of an exchange a user may use."""
    name, exchange, write, read = call.words
    call.banner(f'Setting topic permissions on "{exchange}" for user "{name}" in vhost "{call.vhost}" ...')
    _user_and_vhost(call, name)
    body = {"exchange": exchange, "write": write, "read": read}
    call.client.put("topic-permissions", call.vhost, name, body=body)


def clear_topic_permissions(call: Call) -> None:
    """A user may use every routing key: of one exchange, or of all."""
    name, *exchange = call.words
    on = f' on "{exchange[0]}"' if exchange else ""
    call.banner(f'Clearing topic permissions{on} for user "{name}" in vhost "{call.vhost}" ...')
    _user_and_vhost(call, name)
    _remove_if_there(call, "topic-permissions", call.vhost, name, *exchange)


def add_vhost(call: Call) -> None:
    """A virtual host, if it is not there."""
    name, given = call.words[0], call.invocation.given
    call.banner(f'Adding vhost "{name}" ...')
    options = {"description": "description", "tags": "tags", "default_queue_type": "default-queue-type"}
    body: dict[str, Any] = {key: given[option] for key, option in options.items() if option in given}
    if body or call.get("vhosts", name) is None:
        call.client.put("vhosts", name, body=body)


def delete_vhost(call: Call) -> None:
    """A virtual host is gone, with all that is in it."""
    name = call.words[0]
    call.banner(f'Deleting vhost "{name}" ...')
    try:
        call.client.delete("vhosts", name)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        raise Failed(EX_DATA, f"Virtual host '{name}' does not exist") from None


def _password(call: Call) -> str:
    """The second word, or what comes on stdin. Raises Failed: there is none."""
    if len(call.words) > 1:
        return call.words[1]
    call.banner("Password: ")
    if sys.stdin is not None and (line := sys.stdin.readline().rstrip("\r\n")):
        return line
    raise error(EX_DATA, "Password is not provided via argument or stdin")


def _user(call: Call, name: str) -> dict[str, Any]:
    found: dict[str, Any] | None = call.get("users", name)
    if found is None:
        raise error(EX_NO_USER, f'User "{name}" does not exist')
    return found


def _user_and_vhost(call: Call, name: str) -> None:
    if call.get("users", name) is None:
        raise error(EX_NO_USER, f"User {name} does not exist")
    if call.get("vhosts", call.vhost) is None:
        raise error(EX_UNAVAILABLE, f"Virtual host {call.vhost} does not exist")


def _remove_if_there(call: Call, *path: str) -> None:
    try:
        call.client.delete(*path)
    except Refused as refusal:
        if refusal.status != 404:
            raise
