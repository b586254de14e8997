"""What the doctor looks for: each function looks at one thing and gives what it found."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from amqpbroker.cli.client import Client, Refused, Unreachable, basic
from amqpbroker.cli.listing import value_at
from amqpbroker.cli.status import size

# From these on it is worth a word.
_SHARE_MAX: Final = 0.8
_BACKLOG: Final = 10_000
_UNACKED: Final = 10_000
_CLOCK_MAX_S: Final = 5.0
_CERTIFICATE_MIN_DAYS: Final = 30
_CONNECT_TIMEOUT_S: Final = 3.0
# So many names are told; the rest is a number.
_TOLD_MAX: Final = 5


class Finding(NamedTuple):
    """severity: fine, note, warning or fault. what: a sentence. remedy: what to do."""

    severity: str
    what: str
    remedy: str = ""


class Patient:
    """What a broker says of itself, asked for once."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @cached_property
    def overview(self) -> dict[str, Any]:
        """Of everything."""
        found: dict[str, Any] = self.client.get("overview")
        return found

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """Memory, disk, descriptors, alarms."""
        return self._of_those_who_watch("nodes")

    @cached_property
    def queues(self) -> list[dict[str, Any]]:
        """Those that the user may see."""
        found: list[dict[str, Any]] = self.client.get("queues")
        return found

    @cached_property
    def connections(self) -> list[dict[str, Any]]:
        """Those that the user may see."""
        found: list[dict[str, Any]] = self.client.get("connections")
        return found

    def _of_those_who_watch(self, name: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self.client.get(name)
        except Refused as refusal:
            if refusal.status != 401:
                raise
            return []
        return found


Findings = Iterator[Finding]


def login(patient: Patient) -> Findings:
    """Whether it answers, and what the user may see."""
    product = f"{patient.overview.get('product_name', 'RabbitMQ')} {patient.overview.get('product_version', '')}"
    user = patient.client.get("whoami")
    tags = user["tags"] if isinstance(user["tags"], list) else str(user["tags"]).split(",")
    yield Finding("fine", f"{product} answers at {patient.client.url}; logged in as {user['name']}")
    if not {"administrator", "monitoring"} & set(tags):
        text = f"{user['name']} is neither administrator nor monitoring: what is said here is of a part only"
        yield Finding("warning", text, "log in with --user as somebody who is")


def version(patient: Patient) -> Findings:
    """Whether its makers still mend it."""
    text = str(patient.overview.get("rabbitmq_version", ""))
    if text.startswith("3."):
        yield Finding("note", f"it is RabbitMQ {text}, or behaves as that: no more faults are mended in 3", "go to 4")


def ports(patient: Patient) -> Findings:
    """Whether what it listens on can be reached from here."""
    host = patient.client.host
    for one in _listeners(patient):
        name = f"port {one['port']} ({one['protocol']})"
        if _connects(host, one["port"]):
            yield Finding("fine", f"{name} can be reached")
        elif _is_local(one.get("ip_address", "")) and not _is_local(host):
            yield Finding(
                "note", f"{name} is for its own machine only", "let it listen on others with --host, if it is to"
            )
        else:
            yield Finding("fault", f"{name} cannot be reached at {host}", "look at firewalls and published ports")


def alarms(patient: Patient) -> Findings:
    """Whether publishers are held back."""
    for node in patient.nodes:
        if node.get("mem_alarm"):
            yield Finding(
                "fault",
                f"{node['name']} holds publishers back: messages take {size(node.get('mem_used'))} of memory",
                "consume or purge what waits (amqpbroker queue ls --sort message_bytes --reverse), or give it more: "
                "vm_memory_high_watermark",
            )
        if node.get("disk_free_alarm"):
            yield Finding(
                "fault",
                f"{node['name']} holds publishers back: its disk has {size(node.get('disk_free'))} left",
                "make room on the disk of its data directory, or lower disk_free_limit",
            )
        if not (node.get("mem_alarm") or node.get("disk_free_alarm")):
            yield Finding("fine", f"{node['name']} has no alarm on")
        if node.get("running") is False:
            yield Finding("fault", f"{node['name']} is not running", "start it, or forget it if it is gone for good")


def room(patient: Patient) -> Findings:
    """Whether something is nearly used up."""
    for node in patient.nodes:
        for what, used, limit, remedy in (
            ("memory", "mem_used", "mem_limit", "see what waits in queues, or raise vm_memory_high_watermark"),
            ("descriptors", "fd_used", "fd_total", "raise the limit of open files (ulimit -n, LimitNOFILE)"),
            ("sockets", "sockets_used", "sockets_total", "raise the limit of open files (ulimit -n, LimitNOFILE)"),
            ("Erlang processes", "proc_used", "proc_total", "close connections and channels that nobody needs"),
        ):
            share = _share(node.get(used), node.get(limit))
            if share is not None and share >= _SHARE_MAX:
                yield Finding("warning", f"{node['name']} uses {share:.0%} of its {what}", remedy)
        free, least = node.get("disk_free"), node.get("disk_free_limit")
        if isinstance(free, int) and isinstance(least, int) and least < free < 2 * least:
            text = f"{node['name']} has {size(free)} of disk left, and stops taking messages at {size(least)}"
            yield Finding("warning", text, "make room on the disk of its data directory")


def backlog(patient: Patient) -> Findings:
    """Queues in which more and more waits."""
    alone = [one for one in patient.queues if not one.get("consumers") and (one.get("messages_ready") or 0) > 0]
    growing = [one for one in alone if (value_at(one, "messages_ready_details.rate") or 0) > 0]
    if growing:
        text = f"queues grow that nobody consumes from: {_names(growing, 'messages_ready')}"
        yield Finding("fault", text, "start their consumers, or bound them with a policy: max-length, message-ttl")
    resting = [one for one in alone if one not in growing and one["messages_ready"] >= _BACKLOG]
    if resting:
        text = f"much waits that nobody consumes: {_names(resting, 'messages_ready')}"
        yield Finding("warning", text, "start consumers, or amqpbroker queue purge what nobody wants")
    behind = [one for one in patient.queues if one.get("consumers") and (one.get("messages_ready") or 0) >= _BACKLOG]
    if behind:
        text = f"consumers do not keep up: {_names(behind, 'messages_ready')}"
        yield Finding("warning", text, "add consumers, or raise their prefetch")
    if not (growing or resting or behind):
        yield Finding("fine", f"nothing piles up in {len(patient.queues):,} queues")


def unacknowledged(patient: Patient) -> Findings:
    """Messages that clients have and do not acknowledge."""
    found = [one for one in patient.queues if (one.get("messages_unacknowledged") or 0) >= _UNACKED]
    if found:
        text = f"clients hold on to many messages: {_names(found, 'messages_unacknowledged')}"
        yield Finding("warning", text, "do they acknowledge? a prefetch (basic.qos) bounds how many they get")
    stopped = [one for one in patient.queues if one.get("state") not in (None, "running", "idle")]
    for one in stopped:
        severity = "note" if one["state"] in ("flow", "paused") else "fault"
        yield Finding(severity, f"queue {one['name']} in {one['vhost']} is {one['state']}")


def blocked(patient: Patient) -> Findings:
    """Connections that may not publish."""
    found = [one for one in patient.connections if one.get("state") in ("blocked", "blocking")]
    if found:
        names = ", ".join(str(one.get("name")) for one in found[:_TOLD_MAX])
        text = f"connections are blocked: {len(found):,}, such as {names}"
        yield Finding("warning", text, "an alarm is or was on; they go on when it is off")
    many = [one for one in patient.connections if (one.get("channels") or 0) >= 1_000]
    for one in many[:_TOLD_MAX]:
        text = f"connection {one['name']} has {one['channels']:,} channels open"
        yield Finding("warning", text, "its client opens channels and does not close them; one a thread is enough")


def guest(patient: Patient) -> Findings:
    """Whether everybody in the network may log in."""
    listeners = [one for one in patient.overview.get("listeners") or [] if one.get("protocol") != "clustering"]
    is_open = any(not _is_local(one.get("ip_address", "")) for one in listeners)
    if not is_open:
        yield Finding("fine", "it listens for its own machine only")
        return
    host = patient.client.host
    if _is_local(host):
        yield Finding("note", "it listens for the network: see that no user there has a password that is easy to guess")
        return
    asking = Client(patient.client.url, basic("guest", "guest"))
    try:
        asking.get("whoami")
    except Refused as refusal:
        is_let_in = "Not management user" in refusal.reason
    except Unreachable:
        return
    else:
        is_let_in = True
    finally:
        asking.close()
    if is_let_in:
        text = "guest with the password guest may log in over the network"
        yield Finding(
            "fault", text, "amqpbroker user passwd guest, or amqpbroker user rm guest; and leave loopback_users"
        )
    else:
        yield Finding("fine", "guest with the password guest may not log in from here")


def clock(patient: Patient) -> Findings:
    """Whether its clock and ours go alike: deadlines, certificates and logs depend on it."""
    started_s = time.time()
    text = patient.client.date()
    if text is None:
        return
    off_s = parsedate_to_datetime(text).timestamp() - (started_s + time.time()) / 2
    if abs(off_s) > _CLOCK_MAX_S:
        yield Finding("warning", f"its clock is {off_s:+.0f} s off from this machine's", "let both keep time by NTP")
    else:
        yield Finding("fine", "its clock and this machine's go alike")


def certificates(patient: Patient) -> Findings:
    """How long its certificates last."""
    for one in _listeners(patient):
        if one.get("protocol") not in ("amqp/ssl", "https", "https/prometheus"):
            continue
        name = f"port {one['port']} ({one['protocol']})"
        try:
            days = (_not_after(patient.client.host, one["port"]) - time.time()) / 86_400
        except OSError as error:
            yield Finding("fault", f"{name} does not speak TLS with us ({error.strerror or error})", "look at its log")
            continue
        except ValueError:  # the certificate cannot be looked into without the library
            yield Finding("note", f"{name}: pip install cryptography to learn how long its certificate lasts")
            continue
        if days < 0:
            yield Finding("fault", f"the certificate of {name} ended {-days:.0f} days ago", "replace it")
        elif days < _CERTIFICATE_MIN_DAYS:
            yield Finding("warning", f"the certificate of {name} ends in {days:.0f} days", "replace it in time")
        else:
            yield Finding("fine", f"the certificate of {name} lasts {days:.0f} days more")


DIAGNOSES: Final[tuple[Callable[[Patient], Findings], ...]] = (
    login,
    version,
    ports,
    alarms,
    room,
    backlog,
    unacknowledged,
    blocked,
    guest,
    clock,
    certificates,
)


def _listeners(patient: Patient) -> list[dict[str, Any]]:
    """For clients, one of each port: it may listen on several addresses, of which one is known here."""
    found = [one for one in patient.overview.get("listeners") or [] if one.get("protocol") != "clustering"]
    return list({one["port"]: one for one in reversed(found) if isinstance(one.get("port"), int)}.values())[::-1]


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _is_local(address: str) -> bool:
    return address in ("localhost", "::1") or address.startswith("127.")


def _share(used: object, limit: object) -> float | None:
    if isinstance(used, int | float) and isinstance(limit, int | float) and limit:
        return used / limit
    return None


def _names(found: list[dict[str, Any]], count: str) -> str:
    found = sorted(found, key=lambda one: -(one.get(count) or 0))
    told = [f"{one['name']} in {one['vhost']} ({one.get(count) or 0:,})" for one in found[:_TOLD_MAX]]
    return ", ".join(told) + (f" and {len(found) - _TOLD_MAX:,} more" if len(found) > _TOLD_MAX else "")


def _not_after(host: str, port: int) -> float:
    """When the certificate ends, in seconds since 1970. OSError: no TLS; ValueError: it cannot be looked into."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), _CONNECT_TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        octets = secure.getpeercert(binary_form=True)
    try:
        from cryptography.x509 import load_der_x509_certificate
    except ImportError:
        raise ValueError from None
    return load_der_x509_certificate(octets or b"").not_valid_after_utc.timestamp()
