"""A run: steps done by the broker and by the naive model, compared after each; replayed, shrunk and printed.

python -m tests.simulation.run --first 1 --count 20000 --steps 60
"""

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace

from amqpbroker.profiles import PROFILES
from amqpbroker.wire.methods import Channel, Connection, encode_frame
from tests.simulation import messages
from tests.simulation.commands import (
    CloseChannel,
    Command,
    Connect,
    Lose,
    OpenChannel,
    Pause,
    Publish,
    Resume,
    Send,
    Settle,
    Step,
)
from tests.simulation.generator import Generator
from tests.simulation.naive import Mismatch, NaiveBroker, NaiveChannel, NaiveConnection
from tests.simulation.world import World

UNKNOWN_TAG = 999_999
SHRINK_S = 20.0


class Run:
    """Steps one after the other, each checked. small: see World."""

    def __init__(self, profile: str, small: bool) -> None:
        self.world = World(profile, small)
        self.model = NaiveBroker(PROFILES[profile].series, fair=not small)
        self._next_message = 1

    def step(self, step: Step) -> None:
        """Raises Mismatch, or whatever the broker raises. What makes no sense (any more) is left out."""
        model = self.model
        if isinstance(step, Connect):
            if step.connection in model.connections:
                return
            self.world.connect(step.connection, step.cancel_notify)
            client = self.world.clients[step.connection]
            model.connections[step.connection] = NaiveConnection(step.connection, step.cancel_notify, client.events)
            return
        connection = model.connections.get(step.connection)
        if connection is None or connection.closed:
            return
        match step:
            case Send():
                self._send(connection, step)
            case Lose():
                if step.silent:
                    self.world.wait_for_silent(step.connection)
                self.world.lose(step.connection)
                model.take_confirms()
                model.release(connection)
            case Pause():
                connection.paused = True
                self.world.pause(step.connection)
            case Resume():
                connection.paused = False
                self.world.resume(step.connection)
        model.note_able()
        model.take_confirms()
        model.dispatch()
        self.check()

    def _send(self, connection: NaiveConnection, step: Send) -> None:
        octets: list[bytes] = []
        payloads: list[object] = []
        done: list[Command] = []
        outstanding = {
            number: [entry.tag for entry in channel.unacked] for number, channel in connection.channels.items()
        }
        open_numbers = {number for number, channel in connection.channels.items() if not channel.closing}
        closed_numbers: set[int] = set()
        for command in step.commands:
            payload: object = None
            if isinstance(command, OpenChannel) and command.channel not in closed_numbers:
                open_numbers.add(command.channel)
            elif command.channel not in open_numbers and command.channel not in (0, 9):
                continue
            if isinstance(command, CloseChannel):
                open_numbers.discard(command.channel)
                closed_numbers.add(command.channel)
            if isinstance(command, Settle) and command.which == -2 and done:
                # What "all" is depends on what was delivered in between, which no client can know.
                continue
            if isinstance(command, Publish):
                data, payload = messages.publish(command, self._next_message)
                self._next_message += command.count
            else:
                tag = 0
                if isinstance(command, Settle):
                    tag = _tag(command, outstanding.get(command.channel, []))
                    payload = tag
                data = encode_frame(command.channel, messages.method(command, tag))
            octets.append(data)
            done.append(command)
            payloads.append(payload)
        self.world.feed(connection.number, _cut(b"".join(octets), step.cuts))
        self.model.take_confirms()
        for command, payload in zip(done, payloads, strict=True):
            self.model.run(connection, command, payload)
        if connection.closed:
            self.world.feed(connection.number, [encode_frame(0, Connection.CloseOk())])
            self.world.lose(connection.number)
            return
        for channel in [one for one in connection.channels.values() if one.closing]:
            self.world.feed(connection.number, [encode_frame(channel.number, Channel.CloseOk())])
            del connection.channels[channel.number]
            if connection.events.get(channel.number):
                raise Mismatch(f"left on a closed channel: {connection.events[channel.number][0].method}")

    # Comparing

    def check(self) -> None:
        """Everything that the broker holds is what the model holds, and nothing is left unexplained."""
        model, vhost = self.model, self.world.vhost
        for connection in model.connections.values():
            for number, events in connection.events.items():
                if events and not connection.closed:
                    event = events[0]
                    where = f"connection {connection.number} channel {number}"
                    raise Mismatch(f"{where}: unexpected {event.method} {event.body!r}")
            wire = self.world.clients[connection.number].wire
            _same("channels", sorted(wire.channels), sorted(connection.channels))
            for channel in connection.channels.values():
                model.check_confirms(channel)
                self._check_channel(channel)
        model.check_nobody_starves()
        _same("queues", sorted(vhost.queues), sorted(model.queues))
        for name, naive in model.queues.items():
            queue = vhost.queues[name]
            got = [(message[1], message[2], redelivered) for _, message, redelivered in queue.messages()]
            _same(f"ready in {name}", got, [(i.message.header, i.message.body, i.redelivered) for i in naive.ready])
            _same(f"unacked of {name}", queue.unacked, naive.unacked)
            _same(f"consumers of {name}", [one.tag for one in queue.consumers], [one.tag for one in naive.consumers])
        _same("exchanges", sorted(vhost.exchanges), sorted(model.exchanges))
        for name, exchange in model.exchanges.items():
            bound = [
                (*binding.destination, binding.routing_key, binding.arguments)
                for binding in vhost.exchanges[name].bindings
            ]
            expected = [(kind, to, key, messages.table(pairs)) for kind, to, key, pairs in exchange.bindings]
            _same(f"bindings of {name}", bound, expected)

    def _check_channel(self, channel: NaiveChannel) -> None:
        handler = self.world.clients[channel.connection.number].wire.channels[channel.number].handler
        entries = handler.unacked.entries  # type: ignore[union-attr]
        got = [(tag, entry[1][2]) for tag, entry in entries.items()]
        expected = [(entry.tag, entry.item.message.body) for entry in channel.unacked]
        _same(f"unacked of channel {channel.number}", got, expected)


def _same(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise Mismatch(f"{what}: {got!r}, expected {expected!r}")


def _tag(command: Settle, outstanding: list[int]) -> int:
    if command.which == -2:
        return 0
    if command.which == -1 or not outstanding:
        return UNKNOWN_TAG
    place = command.which % len(outstanding)
    tag = outstanding[place]
    if command.multiple and command.by != "reject":
        del outstanding[: place + 1]
    else:
        del outstanding[place]
    return tag


def _cut(octets: bytes, seed: int) -> list[bytes]:
    """The octets as the reads they arrive in."""
    if not seed or not octets:
        return [octets]
    draw = random.Random(seed)
    places = sorted({draw.randrange(len(octets)) for _ in range(draw.choice((1, 2, 5, 30)))} | {0})
    return [octets[start:end] for start, end in zip(places, [*places[1:], len(octets)], strict=True)]


def replay(steps: Iterable[Step], profile: str = "4.2", small: bool = False) -> None:
    """Does the steps; raises what a failure raises."""
    run = Run(profile, small)
    with run.world:
        for step in steps:
            run.step(step)


def simulate(seed: int, step_count: int = 30) -> None:
    """A random run. Raises AssertionError with the seed and a short program that fails the same way."""
    generator = Generator(seed)
    run = Run(generator.profile, generator.small)
    steps: list[Step] = []
    try:
        with run.world:
            for _ in range(step_count):
                step = generator.step(run.model)
                steps.append(step)
                run.step(step)
    except Exception as failure:
        short = shrink(steps, generator.profile, generator.small, type(failure))
        raise AssertionError(
            f"seed {seed}: {failure!r}\n{program(short, generator.profile, generator.small)}"
        ) from None


def failure_of(steps: Sequence[Step], profile: str, small: bool) -> Exception | None:
    """How a run fails, if it does."""
    try:
        replay(steps, profile, small)
    except Exception as failure:
        return failure
    return None


def shrink(steps: Sequence[Step], profile: str, small: bool, kind: type[Exception]) -> list[Step]:
    """As few steps and commands as still fail with an exception of the same kind, within SHRINK_S."""
    deadline_s = time.monotonic() + SHRINK_S
    best = list(steps)
    size = max(len(best) // 2, 1)
    improved = True
    while improved or size > 1:
        if not improved:
            size = max(size // 2, 1)
        improved = False
        for start in range(len(best) - size, -1, -size):
            shorter = best[:start] + best[start + size :]
            if time.monotonic() > deadline_s:
                return best
            if type(failure_of(shorter, profile, small)) is kind:
                best = shorter
                improved = True
    return _simplified(best, profile, small, kind, deadline_s)


def _simplified(steps: list[Step], profile: str, small: bool, kind: type[Exception], deadline_s: float) -> list[Step]:
    """The same steps with as few commands as still fail."""
    improved = True
    while improved:
        improved = False
        for place, step in enumerate(steps):
            for simpler in _simpler(step):
                changed = [*steps[:place], simpler, *steps[place + 1 :]]
                if time.monotonic() < deadline_s and type(failure_of(changed, profile, small)) is kind:
                    steps = changed
                    improved = True
                    break
    return steps


def _simpler(step: Step) -> Iterable[Step]:
    """The step as one read, without one of its commands, or with simpler messages."""
    if not isinstance(step, Send):
        return
    if step.cuts:
        yield replace(step, cuts=0)
    for left_out in range(len(step.commands)):
        if len(step.commands) > 1:
            yield replace(step, commands=step.commands[:left_out] + step.commands[left_out + 1 :])
        if isinstance(command := step.commands[left_out], Publish):
            for plain in (
                replace(command, count=1),
                replace(command, style="plain", size=6, headers=(), cc=(), bcc=()),
            ):
                if plain != command:
                    yield replace(step, commands=(*step.commands[:left_out], plain, *step.commands[left_out + 1 :]))


def program(steps: Sequence[Step], profile: str, small: bool) -> str:
    """The steps as Python that does them again."""
    lines = "\n".join(f"        {_line(step)}," for step in steps)
    return (
        "from tests.simulation.commands import *\nfrom tests.simulation.run import replay\n\n"
        f"replay(\n    [\n{lines}\n    ],\n    profile={profile!r},\n    small={small},\n)"
    )


def _line(value: object) -> str:
    """The Python that makes a step or command, without what is as by default."""
    if isinstance(value, tuple) and any(is_dataclass(item) for item in value):
        return f"({', '.join(map(_line, value))},)"
    if not is_dataclass(value):
        return repr(value)
    shown = [
        _line(getattr(value, one.name)) if one.default is MISSING else f"{one.name}={_line(getattr(value, one.name))}"
        for one in fields(value)
        if getattr(value, one.name) != one.default
    ]
    return f"{type(value).__name__}({', '.join(shown)})"


def main() -> int:
    parser = argparse.ArgumentParser(description="Random runs of the broker against a naive model.")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=2_000, help="how many seeds")
    parser.add_argument("--steps", type=int, default=30, help="of each run")
    parser.add_argument("--failures", type=int, default=1, help="after how many failures to end")
    options = parser.parse_args()
    failed: list[int] = []
    start_s = time.monotonic()
    for seed in range(options.first, options.first + options.count):
        try:
            simulate(seed, options.steps)
        except AssertionError as failure:
            print(failure, flush=True)
            failed.append(seed)
            if len(failed) >= options.failures:
                break
    print(f"{options.count} runs in {time.monotonic() - start_s:.1f} s; failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
