"""A run: steps done by the broker and by the naive model, compared after each; replayed, shrunk and printed.

python -m tests.simulation.run --first 1 --count 20000 --steps 60
python -m tests.simulation.run --durable --count 20000 --steps 120      with a journal, on a disk that fails
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from amqpbroker.model.message import DEADLINE_SHIFT, Message
from amqpbroker.profiles import PROFILES
from amqpbroker.wire import properties
from amqpbroker.wire.methods import Channel, Connection, encode_frame
from tests.simulation import durable_generator, messages
from tests.simulation.commands import (
    ClearPolicy,
    CloseChannel,
    Command,
    Connect,
    Lose,
    OpenChannel,
    Pause,
    Publish,
    Resume,
    Send,
    SetPolicy,
    Settle,
    Step,
    Wait,
)
from tests.simulation.generator import Generator
from tests.simulation.naive import Mismatch, NaiveBroker, NaiveChannel, NaiveConnection, Undetermined
from tests.simulation.replaying import cut, kind_of, line, shrink
from tests.simulation.world import World

UNKNOWN_TAG = 999_999


class Run:
    """Steps one after the other, each checked. small: see World."""

    def __init__(self, profile: str, small: bool) -> None:
        self.world = World(profile, small)
        self.model = NaiveBroker(PROFILES[profile].series, not small, self.world.clock.unix_ms())
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
        if isinstance(step, Wait | SetPolicy | ClearPolicy):
            self._happens(step)
            return
        assert isinstance(step, Send | Lose | Pause | Resume), "for tests.simulation.durable"
        connection = model.connections.get(step.connection)
        if connection is None or connection.closed:
            return
        match step:
            case Send():
                self._send(connection, step)
            case Lose():
                if step.silent:
                    self.world.wait_for_silent(step.connection)
                    model.take_confirms()
                    model.pass_time(self.world.clock.unix_ms())
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

    def _happens(self, step: Wait | SetPolicy | ClearPolicy) -> None:
        model, parameters = self.model, self.world.vhost.parameters
        model.acting = None
        match step:
            case Wait(ms):
                self.world.wait(ms)
                model.take_confirms()
                model.pass_time(self.world.clock.unix_ms())
            case SetPolicy(name, pattern, definition, priority):
                term = {"pattern": pattern, "definition": dict(definition), "priority": priority, "apply-to": "queues"}
                parameters.set_policy(name, term)
                self.world.finish()
                model.take_confirms()
                model.set_policy(name, pattern, priority, dict(definition))
            case ClearPolicy(name):
                if name in model.policies:
                    parameters.clear_policy(name)
                    self.world.finish()
                    model.take_confirms()
                    model.clear_policy(name)
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
        self.world.feed(connection.number, cut(b"".join(octets), step.cuts))
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
            got = [(message, redelivered) for _, message, redelivered in queue.messages()]
            shown = [(one[2], redelivered, deadline_ms(one), _deaths(one[1])) for one, redelivered in got]
            expected = [
                (one.message.body, one.redelivered, one.deadline_ms, _deaths(one.message.header)) for one in naive.ready
            ]
            _same(f"ready in {name}", shown, expected)
            headers = [model.shown(one).header for one in naive.ready]
            _same(f"headers in {name}", [one[1] for one, _ in got], headers)
            _same(f"unacked of {name}", queue.unacked, naive.unacked)
            _same(f"consumers of {name}", [one.tag for one in queue.consumers], [one.tag for one in naive.consumers])
        _same("exchanges", sorted(vhost.exchanges), sorted(model.exchanges))
        for name, exchange in model.exchanges.items():
            bound = [
                (*binding.destination, binding.routing_key, binding.arguments)
                for binding in vhost.exchanges[name].bindings
            ]
            wanted = [(kind, to, key, messages.table(pairs)) for kind, to, key, pairs in exchange.bindings]
            _same(f"bindings of {name}", bound, wanted)

    def _check_channel(self, channel: NaiveChannel) -> None:
        handler = self.world.clients[channel.connection.number].wire.channels[channel.number].handler
        entries = handler.unacked.entries  # type: ignore[union-attr]
        got = [(tag, entry[1][2]) for tag, entry in entries.items()]
        expected = [(entry.tag, entry.item.message.body) for entry in channel.unacked]
        _same(f"unacked of channel {channel.number}", got, expected)
        _same(f"deliveries of channel {channel.number}", channel.next_tag - 1, channel.handed_out)


def deadline_ms(message: Message) -> int:
    return message[3] >> DEADLINE_SHIFT


def _deaths(header: bytes) -> list[str]:
    """What x-death says, for somebody who reads it."""
    if b"x-death" not in header:
        return []
    entries = (properties.headers(header) or {})["x-death"].value
    return [" ".join(str(entry.value[name].value) for name in ("queue", "reason", "count")) for entry in entries]


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


def replay(steps: Iterable[Step], profile: str = "4.2", small: bool = False) -> None:
    """Does the steps; raises what a failure raises."""
    run = Run(profile, small)
    with run.world:
        for step in steps:
            run.step(step)


def run_seed(seed: int, step_count: int, steps: list[Step] | None = None) -> None:
    """A random run, its steps put into the list. Raises whatever a failure raises."""
    generator = Generator(seed)
    run = Run(generator.profile, generator.small)
    with run.world, suppress(Undetermined):
        for _ in range(step_count):
            step = generator.step(run.model)
            if steps is not None:
                steps.append(step)
            run.step(step)


def simulate(seed: int, step_count: int = 30) -> None:
    """A random run. Raises AssertionError with the seed and a short program that fails the same way."""
    steps: list[Step] = []
    try:
        run_seed(seed, step_count, steps)
    except Exception as failure:
        generator = Generator(seed)
        kind = kind_of(failure)
        short = shrink(steps, lambda some: kind_of(failure_of(some, generator.profile, generator.small)) == kind)
        again = failure_of(short, generator.profile, generator.small)
        raise AssertionError(
            f"seed {seed}: {again!r}\n{program(short, generator.profile, generator.small)}"
        ) from failure


def failure_of(steps: Sequence[Step], profile: str, small: bool) -> Exception | None:
    """How a run fails, if it does."""
    try:
        replay(steps, profile, small)
    except Exception as failure:
        return failure
    return None


def program(steps: Sequence[Step], profile: str, small: bool) -> str:
    """The steps as Python that does them again."""
    lines = "\n".join(f"        {line(step)}," for step in steps)
    return (
        "from tests.simulation.commands import *\nfrom tests.simulation.run import replay\n\n"
        f"replay(\n    [\n{lines}\n    ],\n    profile={profile!r},\n    small={small},\n)"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Random runs of the broker against a naive model.")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=2_000, help="how many seeds")
    parser.add_argument("--steps", type=int, default=30, help="of each run")
    parser.add_argument("--failures", type=int, default=1, help="after how many failures to end")
    parser.add_argument("--durable", action="store_true", help="with a journal, crashes and a disk that fails")
    options = parser.parse_args()
    simulate_one = durable_generator.simulate if options.durable else simulate
    logging.disable()
    failed: list[int] = []
    start_s = time.monotonic()
    for seed in range(options.first, options.first + options.count):
        try:
            simulate_one(seed, options.steps)
        except AssertionError as failure:
            print(failure, flush=True)
            failed.append(seed)
            if len(failed) >= options.failures:
                break
    print(f"{options.count} runs in {time.monotonic() - start_s:.1f} s; failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
