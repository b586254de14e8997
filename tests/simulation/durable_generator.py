"""Random steps for a broker with a journal, made while the run goes on."""

import errno
import random
from dataclasses import replace
from typing import Any

from tests.simulation import commands as c
from tests.simulation.durable import (
    ClientChannel,
    DurableClient,
    DurableRun,
    DurableWorld,
    Sizes,
    failure_of,
    program,
)
from tests.simulation.replaying import kind_of, shrink

DURABLE = ("d0", "d1", "d2")
QUEUES = (*DURABLE, "a0", "n0", "k0")
EXCHANGES = {"f0": "fanout", "x0": "direct", "t0": "topic"}
TAGS = ("c0", "c1", "c2")


class DurableGenerator:
    """conduct: what a run is about, so that not all runs are the same mixture. arguments: of the queues, by name."""

    def __init__(self, seed: int) -> None:
        self.random = draw = random.Random(seed)
        self.conduct = draw.choice(("all", "all", "crash", "churn", "backlog", "transaction", "fault", "slow"))
        is_paging = draw.random() < 0.7
        segment_bytes = draw.choice((4_096, 8_192, 16_384))
        self.sizes = Sizes(
            segment_bytes=segment_bytes,
            floor_bytes=segment_bytes * draw.choice((4, 6)),
            copy_bytes=draw.choice((300, 2_000, 262_144)),
            retire_bytes=draw.choice((4_096, 16_384, 1 << 26)),
            lease_first=draw.choice((1, 2, 4, 16)),
            lease_max=draw.choice((16, 64)),
            read_bytes=draw.choice((512, 1_024, 262_144)),
        )
        if is_paging:
            self.sizes = replace(
                self.sizes,
                head_bytes=draw.choice((250, 600, 2_000)),
                refill_bytes=draw.choice((100, 500, 5_000)),
                page_file_bytes=draw.choice((500, 3_000, 1 << 26)),
            )

        is_ruled = draw.random() < 0.7
        self.arguments = {name: self._arguments(name) if is_ruled else () for name in QUEUES}
        self.quorum = is_ruled and draw.random() < 0.4
        if self.quorum:
            left_out = ("x-max-priority", "x-overflow", "x-max-length-bytes")
            rules = tuple(pair for pair in self.arguments["d0"] if pair[0] not in left_out)
            limit = (("x-delivery-limit", draw.choice((0, 1, 2))),) if draw.random() < 0.5 else ()
            self.arguments["d0"] = (*rules, *limit, ("x-queue-type", "quorum"))

    def _arguments(self, name: str) -> tuple[tuple[str, Any], ...]:
        draw = self.random
        if draw.random() < 0.3:
            return ()
        values: dict[str, Any] = {
            "x-message-ttl": draw.choice((0, 300, 2_000)),
            "x-max-length": draw.choice((0, 1, 3, 10)),
            "x-max-length-bytes": draw.choice((100, 1_000)),
            "x-overflow": draw.choice(("drop-head", "reject-publish")),
            "x-dead-letter-exchange": draw.choice(("", "", "", "amq.fanout", "x0", "missing")),
            "x-max-priority": draw.choice((1, 3, 5)),
        }
        chances = {"x-dead-letter-exchange": 0.7, "x-max-priority": 0 if name == "n0" else 0.35}
        values = {key: value for key, value in values.items() if draw.random() < chances.get(key, 0.25)}
        if values.get("x-dead-letter-exchange") == "":
            values["x-dead-letter-routing-key"] = draw.choice((*QUEUES, "k0", "k0", "k0"))
        return tuple(values.items())

    def step(self, world: DurableWorld) -> c.Step:
        """The next step."""
        draw = self.random
        alive = [number for number, client in world.clients.items() if not client.lost]
        if not alive or (len(alive) < 3 and draw.random() < 0.12):
            return c.Connect(max(world.clients, default=-1) + 1)
        kinds: dict[str, float] = {
            "send": 20,
            "write": 9,
            "seal": 0.4,
            "crash": 0.7,
            "stop": 0.25,
            "lose": 0.4,
            "pause": 0.6,
            "wait": 1.2 if any(self.arguments.values()) else 0,
        }
        if self.conduct == "crash":
            kinds["crash"] *= 4
            kinds["stop"] *= 3
        if self.conduct == "slow":
            kinds["write"] = 3
        if self.conduct == "fault":
            kinds["room"] = 1
            kinds["fault"] = 0.7
        made: c.Step = getattr(self, f"_{draw.choices(list(kinds), list(kinds.values()))[0]}")(
            world, draw.choice(alive)
        )
        return made

    def _write(self, world: DurableWorld, number: int) -> c.Step:
        return c.Write()

    def _wait(self, world: DurableWorld, number: int) -> c.Step:
        return c.Wait(self.random.choice((100, 300, 500, 2_000)))

    def _seal(self, world: DurableWorld, number: int) -> c.Step:
        return c.Seal()

    def _crash(self, world: DurableWorld, number: int) -> c.Step:
        draw = self.random
        openings: list[tuple[int, bool]] = []
        while draw.random() < 0.35:
            openings.append((draw.randrange(1, 60), draw.random() < 0.5))
        in_write = draw.choice((0, draw.randrange(1, 4), draw.randrange(1, 20)))
        return c.Crash(draw.randrange(1 << 20), draw.random() < 0.5, in_write, tuple(openings))

    def _stop(self, world: DurableWorld, number: int) -> c.Step:
        return c.Stop(self.random.random() < 0.5, self.random.randrange(1 << 20))

    def _lose(self, world: DurableWorld, number: int) -> c.Step:
        return c.Lose(number)

    def _pause(self, world: DurableWorld, number: int) -> c.Step:
        return c.Resume(number) if world.clients[number].paused else c.Pause(number)

    def _room(self, world: DurableWorld, number: int) -> c.Step:
        return c.Room(self.random.choice((-1, -1, 0, 100, 5_000, 20_000)))

    def _fault(self, world: DurableWorld, number: int) -> c.Step:
        return c.Fault(self.random.randrange(1, 30), self.random.choice((errno.ENOSPC, errno.ENOSPC, errno.EIO)))

    def _send(self, world: DurableWorld, number: int) -> c.Step:
        draw = self.random
        client = world.clients[number]
        assert isinstance(client, DurableClient)
        chosen = draw.choice((1, 1, 1, 2))
        channel = client.channels.get(chosen)
        made: list[c.Command] = []
        if channel is None:
            made.append(c.OpenChannel(chosen))
            mode = draw.random()
            if self.conduct == "transaction" or mode < 0.15:
                made.append(c.SelectTransaction(chosen))
            elif mode < 0.7:
                made.append(c.SelectConfirms(chosen))
            channel = ClientChannel(chosen)
        for _ in range(draw.choice((1, 1, 2, 3, 5))):
            made.append(self._command(world, channel))
        return c.Send(number, tuple(made), draw.randrange(1, 1 << 16) if draw.random() < 0.3 else 0)

    def _command(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        draw = self.random
        kinds: dict[str, float] = {
            "declare": 1.5,
            "bind": 1.2,
            "delete": 0.5,
            "publish": 9,
            "consume": 2,
            "get": 2,
            "settle": 9,
            "mode": 0.3,
            "end": 0.2,
        }
        if len(world.vhost.queues) < 2:
            kinds["declare"] = 20
        if not channel.unacked:
            kinds["settle"] = 0.1
        if channel.mode == "transaction":
            kinds["mode"] = 4
        if self.conduct == "churn":
            kinds["settle"] *= 2
            kinds["consume"] *= 2
            kinds["publish"] *= 1.5
        if self.conduct == "backlog":
            kinds["publish"] *= 2
            kinds["consume"] *= 0.3
        made: c.Command = getattr(self, f"_{draw.choices(list(kinds), list(kinds.values()))[0]}")(world, channel)
        return made

    def _some(self, chance: float) -> bool:
        return self.random.random() < chance

    def _queue(self, world: DurableWorld) -> str:
        there = list(world.vhost.queues)
        return self.random.choice(there) if there and not self._some(0.01) else self.random.choice(QUEUES)

    def _declare(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        draw = self.random
        if self._some(0.3):
            name = draw.choice(list(EXCHANGES))
            known = world.vhost.exchanges.get(name)
            durable = known.durable if known is not None else self._some(0.8)
            gone = known.auto_delete if known is not None else self._some(0.2)
            return c.DeclareExchange(channel.number, name, EXCHANGES[name], gone, durable=durable)
        name = draw.choice(QUEUES)
        return c.DeclareQueue(
            channel.number,
            name,
            name != "n0",
            auto_delete=name == "a0",
            nowait=self._some(0.1),
            exclusive=False,
            arguments=self.arguments[name],
        )

    def _bind(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        draw = self.random
        there = [name for name in EXCHANGES if name in world.vhost.exchanges] + ["amq.fanout", "amq.direct"]
        queue, exchange, key = self._queue(world), draw.choice(there), draw.choice(("a", "b"))
        if self._some(0.1):
            return c.BindExchange(channel.number, draw.choice(there), exchange, key, undo=self._some(0.3))
        return c.BindQueue(channel.number, queue, exchange, key, undo=self._some(0.25))

    def _delete(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        if self._some(0.5):
            return c.PurgeQueue(channel.number, self._queue(world))
        if self._some(0.3):
            return c.DeleteExchange(channel.number, self.random.choice(list(EXCHANGES)))
        return c.DeleteQueue(channel.number, self._queue(world))

    def _publish(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        draw = self.random
        exchange, key = "", self._queue(world)
        if self._some(0.3):
            there = [name for name in EXCHANGES if name in world.vhost.exchanges] + ["amq.fanout"]
            exchange, key = draw.choice(there), draw.choice(("a", "b"))
        style = "persistent" if self._some(0.75) else draw.choice(("plain", "typed", "expiring"))
        count = draw.choice((1, 1, 2, 3, 7, 20))
        size = draw.choice((6, 6, 30, 200, 1_000))
        if self._some(0.02):
            size = 20_000
            count = 1
        headers = (("h", draw.randrange(3)),) if self._some(0.2) else ()
        priority = expiration = -1
        if any(self.arguments.values()):
            # The two levels of a quorum queue are not in the ledger.
            priority = draw.randrange(5 if self.quorum else 7) if self._some(0.4) else -1
            expiration = draw.choice((0, 250, 250, 1_500)) if self._some(0.2) else -1
        return c.Publish(
            channel.number,
            exchange,
            key,
            count,
            self._some(0.1),
            style,
            size,
            headers=headers,
            priority=priority,
            expiration=expiration,
        )

    def _consume(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        draw = self.random
        if self._some(0.25):
            # Quorum queues know no prefetch for a whole channel.
            return c.Qos(channel.number, draw.choice((0, 1, 2, 5)), self._some(0.2) and not self.quorum)
        free = [tag for tag in TAGS if tag not in channel.consumers]
        if not free or (channel.consumers and self._some(0.35)):
            return c.Cancel(channel.number, draw.choice(list(channel.consumers)), self._some(0.2))
        return c.Consume(
            channel.number, self._queue(world), draw.choice(free), self._some(0.25), nowait=self._some(0.1)
        )

    def _get(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        return c.Get(channel.number, self._queue(world), self._some(0.3))

    def _settle(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        draw = self.random
        if self._some(0.05):
            return c.Recover(channel.number, self._some(0.7))
        how = draw.choice(("ack", "ack", "ack", "reject", "requeue"))
        by = "ack" if how == "ack" else draw.choice(("nack", "reject"))
        return c.Settle(channel.number, draw.randrange(max(len(channel.unacked), 1)), how, by, self._some(0.4))

    def _mode(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        if channel.mode == "transaction":
            return self.random.choice((c.Commit, c.Commit, c.Commit, c.Rollback))(channel.number)
        return c.SelectConfirms(channel.number)

    def _end(self, world: DurableWorld, channel: ClientChannel) -> c.Command:
        return c.CloseChannel(channel.number) if self._some(0.7) else c.Flow(channel.number)


def run_seed(seed: int, step_count: int, steps: list[c.Step] | None = None) -> None:
    """A random run, its steps put into the list. Raises whatever a failure raises."""
    generator = DurableGenerator(seed)
    with DurableRun(generator.sizes) as run:
        for _ in range(step_count):
            step = generator.step(run.world)
            if steps is not None:
                steps.append(step)
            run.step(step)
        run.settle_down()


def simulate(seed: int, step_count: int = 40) -> None:
    """A random run. Raises AssertionError with the seed and a short program that fails the same way."""
    steps: list[c.Step] = []
    try:
        run_seed(seed, step_count, steps)
    except Exception as failure:
        sizes, kind = DurableGenerator(seed).sizes, kind_of(failure)
        short = shrink(steps, lambda some: kind_of(failure_of(some, sizes)) == kind)
        again = failure_of(short, sizes)
        raise AssertionError(f"seed {seed}: {again!r}\n{program(short, sizes)}") from failure
