"""The faults of one broker: which rules there are, in which order, and what they have done.

All of it on the broker's loop.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from amqpbroker.model.ports import Deadline
from amqpbroker.testing.durations import seconds_of
from amqpbroker.testing.faults.fault import Fault, FrameFault, PublishFault
from amqpbroker.testing.faults.log import HITS_MAX, FaultLog, Hit, RuleLog
from amqpbroker.testing.faults.occasion import Occasion
from amqpbroker.testing.faults.rule import Rule
from amqpbroker.testing.faults.sockets import RefuseConnections
from amqpbroker.testing.faults.traffic import Traffic
from amqpbroker.testing.faults.which import Which, check

if TYPE_CHECKING:
    from amqpbroker.testing.crashes.server import CrashableServer
    from amqpbroker.testing.faults.channel import FaultyChannel
    from amqpbroker.testing.faults.frame import Frame
    from amqpbroker.testing.faults.transport import FaultyTransport
    from amqpbroker.testing.virtual_ticker import VirtualTicker

_SEEDS: Final = 1 << 32


class Rules:
    """active: those that are not over, in the order in which they were made; each strikes what those before it left.

    on_publish, on_frame: the same by what they look at. hits: what they have done, in order. version: changes with the
    rules that look at publishes.
    """

    def __init__(self, server: "CrashableServer") -> None:
        self.server = server
        self.active: dict[Rule, None] = {}
        self.on_publish: list[tuple[Rule, PublishFault]] = []
        self.on_frame: list[tuple[Rule, FrameFault]] = []
        self.version = 0
        self.hits: deque[Hit] = deque(maxlen=HITS_MAX)
        self._hit_count = 0
        self._made: list[Rule] = []
        self._expected: list[RuleLog] = []
        self._deadlines: dict[Rule, Deadline] = {}
        self._random = SystemRandom()
        # Sockets in a black hole, and by which rule.
        self._cut: dict[FaultyTransport, Rule] = {}
        # The clients' ends of connections that the broker has lost.
        self._forsaken: list[asyncio.Transport] = []

    @property
    def clock(self) -> "VirtualTicker":
        """What queues and messages go by."""
        return self.server.clock

    def now(self) -> datetime:
        """By the broker's clock."""
        return datetime.fromtimestamp(self.clock.unix_ms() / 1000, UTC)

    def new_seed(self) -> int:
        """For dice that nobody has given one; the log has it."""
        return self._random.randrange(_SEEDS)

    # Rules

    def begin(self, fault: Fault, which: Which) -> Rule:
        """From now on the fault strikes. Raises ValueError, TypeError, FaultTargetError; nothing has changed then."""
        check(which)
        rule = Rule(self, fault, which, len(self._made) + 1)
        self._take_from_log(rule)
        self.active[rule] = None
        self._sort()
        try:
            fault.begin(self, rule)
        except (ValueError, TypeError, LookupError):
            self._take_out(rule)
            raise
        self._made.append(rule)
        if "for_" in which and not rule.is_over:
            due_s = self.clock.now_s() + seconds_of(which["for_"])
            self._deadlines[rule] = self.clock.at(due_s, lambda: self.end(rule))
        return rule

    def go_on_from(self, old: "Rules") -> None:
        """The broker has started again: none of its rules lasts, and what they have done is still told."""
        self.hits, self._hit_count = old.hits, old._hit_count
        self._made, self._expected = old._made, old._expected

    def end(self, rule: Rule) -> None:
        """It strikes nothing any more, and what hung on it goes on; nothing if it is over."""
        if rule in self.active:
            self._take_out(rule)
            self._end(rule)
            self.server.flush_soon()

    def _end(self, rule: Rule) -> None:
        rule.fault.end(self, rule)
        self._heal(rule)

    def spend(self, rule: Rule) -> None:
        """It strikes nothing any more; what hangs on it goes on hanging there until it is ended."""
        rule.is_over = True
        if not rule.fault.holds:
            # Not before what it has just struck is done.
            self.server.loop.call_soon(self.end, rule)

    def end_all(self) -> None:
        """No fault strikes any more, nor what one of them has held back until now."""
        rules = list(self.active)
        for rule in rules:
            self._take_out(rule)
        for rule in rules:
            self._end(rule)
        self.server.flush_soon()

    def _take_out(self, rule: Rule) -> None:
        rule.is_over = True
        del self.active[rule]
        deadline = self._deadlines.pop(rule, None)
        if deadline is not None:
            deadline.cancel()
        self._sort()

    def _sort(self) -> None:
        self.version += 1
        self.on_publish = [(rule, rule.fault) for rule in self.active if isinstance(rule.fault, PublishFault)]
        self.on_frame = [(rule, rule.fault) for rule in self.active if isinstance(rule.fault, FrameFault)]
        for socket in self.sockets():
            self._watch(socket)

    def _watch(self, socket: "FaultyTransport") -> None:
        if self.on_frame and socket.traffic is None:
            socket.traffic = Traffic(socket, self)
        elif not self.on_frame and socket.traffic is not None and not socket.traffic.is_in_content:
            traffic, socket.traffic = socket.traffic, None
            traffic.end()

    def look_soon(self, socket: "FaultyTransport") -> None:
        """Nobody may have to look at its frames any more."""
        self.server.loop.call_soon(self._watch, socket)

    # Where they strike

    def connected(self, socket: "FaultyTransport") -> None:
        """A client has come."""
        self._watch(socket)
        for rule in list(self.active):
            resets = isinstance(rule.fault, RefuseConnections) and rule.fault.how == "reset"
            if resets and rule.strikes(Occasion("connection", socket)):
                socket.drop("rst", rule)

    def strike_frame(self, frame: "Frame") -> None:
        """Faults do to a frame what they do."""
        for rule, fault in self.on_frame:
            if fault.wants(frame) and not rule.is_over:
                frame.look_inside()
                if rule.strikes(frame):
                    fault.strike(self, rule, frame)

    # What they have left behind

    def cut(self, socket: "FaultyTransport", rule: Rule) -> None:
        """A socket is in a black hole until the rule ends."""
        self._cut[socket] = rule

    def _heal(self, rule: Rule) -> None:
        """Those that a rule has put into one come out."""
        for socket in [one for one, its in self._cut.items() if its is rule]:
            del self._cut[socket]
            socket.heal()

    def forsake(self, client: "asyncio.Transport") -> None:
        """The broker has lost a connection whose client does not know."""
        self._forsaken = [one for one in self._forsaken if not one.is_closing()]
        self._forsaken.append(client)

    def stop(self) -> None:
        """The broker ends: no fault is left, nor anything of it."""
        self.end_all()
        for client in self._forsaken:
            client.abort()

    def forget(self) -> None:
        """No fault is left, nor what any has done: another test begins."""
        self.stop()
        self._forsaken.clear()
        self._expected.clear()
        self._made.clear()
        self.hits.clear()
        self._hit_count = 0

    # What there is

    def sockets(self) -> Iterator["FaultyTransport"]:
        """Those of clients that are there, whether they have logged in or not."""
        return iter([one for one in self.server.observed() if not one.is_closing])

    def channels(self) -> Iterator["FaultyChannel"]:
        """The open channels."""
        for socket in self.sockets():
            for number in list(socket.session.channels):
                channel = socket.session.observed_channel(number)
                if channel is not None:
                    yield channel

    # The log

    def noted(self, hit: Hit) -> None:
        """A rule has struck."""
        self._hit_count += 1
        self.hits.append(hit)

    def log(self) -> FaultLog:
        """What happened so far."""
        rules = [
            RuleLog(
                rule.fault.name,
                rule.fault.logged(rule.which),
                rule.seed,
                rule.seen,
                [hit.nth for hit in rule.hits],
            )
            for rule in self._made
        ]
        return FaultLog(list(self.hits), rules, self._hit_count - len(self.hits))

    def told(self) -> str:
        """For people: the rules that were made, and what they have struck; a seed, where chance has had a part."""
        lines = []
        for rule in self._made:
            seed = f", seed={rule.seed}" if "probability" in rule.which and "seed" not in rule.which else ""
            lines.append(f"  {rule}: struck {rule.hit_count} of {rule.seen} that matched{seed}")
        return "\n".join(["faults:", *lines]) if lines else ""

    def replay(self, log: FaultLog) -> None:
        """The rules that are made from now on strike where those of the log did, one after the other.

        Raises ValueError: not all that was done is in it.
        """
        if log.dropped:
            raise ValueError(f"the log has dropped {log.dropped} hits, the oldest: it cannot be replayed")
        self._expected = list(log.rules)

    def _take_from_log(self, rule: Rule) -> None:
        if not self._expected:
            return
        expected = self._expected[0]
        found = rule.fault.logged(rule.which)
        if (expected.fault, expected.arguments) != (rule.fault.name, found):
            told = ", ".join(f"{name}={value!r}" for name, value in expected.arguments.items())
            raise ValueError(f"{rule}: the log that is replayed has {expected.fault}({told}) here")
        del self._expected[0]
        rule.seed = expected.seed
        rule.replayed = expected.struck
