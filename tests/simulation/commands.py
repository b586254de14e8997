"""What simulated clients do: steps of a run, and the commands that a step sends on one connection.

All are plain data whose repr is the Python line that makes them, so a recorded run is code. Nothing names a delivery
tag: which of the outstanding deliveries is acknowledged is counted from the oldest, so that a run still makes sense
when commands are left out of it.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OpenChannel:
    channel: int


@dataclass(frozen=True, slots=True)
class CloseChannel:
    channel: int


@dataclass(frozen=True, slots=True)
class CloseConnection:
    channel: int = 0


@dataclass(frozen=True, slots=True)
class DeclareExchange:
    channel: int
    name: str
    kind: str = "direct"
    auto_delete: bool = False
    internal: bool = False
    alternate: str = ""
    passive: bool = False
    durable: bool = False


@dataclass(frozen=True, slots=True)
class DeleteExchange:
    channel: int
    name: str
    if_unused: bool = False


@dataclass(frozen=True, slots=True)
class BindExchange:
    channel: int
    destination: str
    source: str
    key: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    undo: bool = False


@dataclass(frozen=True, slots=True)
class DeclareQueue:
    channel: int
    name: str
    durable: bool = False
    exclusive: bool = False
    auto_delete: bool = False
    passive: bool = False
    nowait: bool = False
    arguments: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteQueue:
    channel: int
    name: str
    if_unused: bool = False
    if_empty: bool = False


@dataclass(frozen=True, slots=True)
class BindQueue:
    channel: int
    queue: str
    exchange: str
    key: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    undo: bool = False


@dataclass(frozen=True, slots=True)
class PurgeQueue:
    channel: int
    name: str


@dataclass(frozen=True, slots=True)
class Publish:
    """count messages in a run. style: which properties, see `messages.PROPERTIES`. size: of the body at least.

    priority, expiration: these properties; -1: as the style has it.
    """

    channel: int
    exchange: str
    key: str
    count: int = 1
    mandatory: bool = False
    style: str = "plain"
    size: int = 6
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    headers: tuple[tuple[str, Any], ...] = ()
    priority: int = -1
    expiration: int = -1


@dataclass(frozen=True, slots=True)
class Consume:
    channel: int
    queue: str
    tag: str = ""
    no_ack: bool = False
    exclusive: bool = False
    priority: int = 0
    nowait: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    channel: int
    tag: str
    nowait: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    channel: int
    queue: str
    no_ack: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """how: ack, reject, requeue. by: ack, nack or reject, the method. which: the nth outstanding; -1 is one unknown,
    -2 the tag 0."""

    channel: int
    which: int
    how: str = "ack"
    by: str = "ack"
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Recover:
    channel: int
    waited: bool = True
    requeue: bool = True


@dataclass(frozen=True, slots=True)
class Qos:
    channel: int
    count: int
    whole_channel: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True)
class SelectConfirms:
    channel: int


@dataclass(frozen=True, slots=True)
class SelectTransaction:
    channel: int


@dataclass(frozen=True, slots=True)
class Commit:
    channel: int


@dataclass(frozen=True, slots=True)
class Rollback:
    channel: int


@dataclass(frozen=True, slots=True)
class Flow:
    channel: int
    active: bool = True


Command = (
    OpenChannel
    | CloseChannel
    | CloseConnection
    | DeclareExchange
    | DeleteExchange
    | BindExchange
    | DeclareQueue
    | DeleteQueue
    | BindQueue
    | PurgeQueue
    | Publish
    | Consume
    | Cancel
    | Get
    | Settle
    | Recover
    | Qos
    | SelectConfirms
    | SelectTransaction
    | Commit
    | Rollback
    | Flow
)


@dataclass(frozen=True, slots=True)
class Connect:
    """cancel_notify: whether the client announces consumer_cancel_notify."""

    connection: int
    cancel_notify: bool = True


@dataclass(frozen=True, slots=True)
class Send:
    """Commands of one connection in one go. cuts: seed of where the octets are cut into reads, 0 for one read."""

    connection: int
    commands: tuple[Command, ...]
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Lose:
    """The socket is gone without a word. silent: found out by its heartbeats."""

    connection: int
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """The client reads no more."""

    connection: int


@dataclass(frozen=True, slots=True)
class Resume:
    connection: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    ms: int


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """Somebody sets a policy for queues."""

    name: str
    pattern: str
    definition: tuple[tuple[str, Any], ...]
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ClearPolicy:
    name: str


@dataclass(frozen=True, slots=True)
class Write:
    """The commit that is under way is written, and the loop is told."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A while has passed without a commit."""


@dataclass(frozen=True, slots=True)
class Crash:
    """The broker dies and starts again.

    seed: of what the disk makes of it. power: whether the machine dies, too. in_write: the call of the disk in the
    middle of which it happens, counted from the beginning of the commit under way; 0: between two calls. openings: for
    starts that die too, (the call in which, power).
    """

    seed: int
    power: bool = False
    in_write: int = 0
    openings: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """The broker ends in peace and starts again; power: the machine is switched off in between."""

    power: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """From now on there is this much free on the disk; -1: as much as anybody wants."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Fault:
    """The call of the disk of this number, counted from now, fails.

    number: of the error. operation: only calls of this kind count, such as "rename".
    """

    call: int
    number: int
    operation: str = ""


Step = (
    Connect | Send | Lose | Pause | Resume | Wait | SetPolicy | ClearPolicy | Write | Seal | Crash | Stop | Room | Fault
)
