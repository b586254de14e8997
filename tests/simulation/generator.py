"""Random steps, made while a run goes on: mostly what makes sense where the clients are, now and then what does not."""

import random
from typing import Any

from tests.simulation import commands as c
from tests.simulation.messages import PROPERTIES
from tests.simulation.naive import NaiveBroker, NaiveChannel, NaiveConnection

QUEUES = ("q0", "q1", "q2", "q3")
EXCHANGES = ("e0", "e1", "e2")
PREDECLARED = ("amq.direct", "amq.fanout", "amq.topic", "amq.headers")
KINDS = ("direct", "fanout", "topic", "headers")
KEYS = ("a", "b", "a.b", "a.b.c", "", "q0", "q1")
PATTERNS = ("a", "b", "a.b", "*", "#", "a.*", "a.#", "#.b", "*.b.#", "")
TAGS = ("c0", "c1", "c2")
HEADERS: tuple[tuple[tuple[str, Any], ...], ...] = ((), (("h", 1),), (("h", "x"),), (("h", 1), ("x-i", 2)))
MATCHES: tuple[tuple[tuple[str, Any], ...], ...] = (
    (),
    (("h", 1),),
    (("h", None),),
    (("h", 1), ("x-match", "any")),
    (("h", 1), ("i", 1), ("x-match", "any")),
    (("x-i", 2), ("x-match", "all-with-x")),
    (("x-i", 2), ("h", 5), ("x-match", "any-with-x")),
)


# Time passes by multiples of this. What a queue does about time is never due then, nor when another queue's is.
TICK_MS = 100


class Generator:
    """conduct: what a run is about, so that not all runs are the same mixture. ruled: how many queues have arguments.
    quorum: whether the last queue is a quorum queue.

    small: see World; what a queue refuses depends on limits of a turn there, and is left out.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.profile = self.random.choice(("4.2", "4.2", "3.13", "4.3"))
        self.small = self.random.random() < 0.15
        self.conduct = self.random.choice(("all", "all", "consume", "consume", "topology", "settle", "transaction"))
        self.ruled = self.random.choice((0, 0.5, 0.9, 0.9))
        self.quorum = self.ruled > 0 and not self.small and self.random.random() < 0.4

    def step(self, model: NaiveBroker) -> c.Step:
        """The next step."""
        draw = self.random
        alive = [one for one in model.connections.values() if not one.closed]
        if not alive or (len(alive) < 3 and draw.random() < 0.15):
            return c.Connect(max(model.connections, default=-1) + 1, draw.random() < 0.7)
        connection = draw.choice(alive)
        chance = draw.random()
        if chance < 0.01:
            return c.Lose(connection.number, draw.random() < 0.3)
        if chance < (0.5 if connection.paused else 0.06):
            return c.Resume(connection.number) if connection.paused else c.Pause(connection.number)
        if self._some(self.ruled * 0.12):
            return c.Wait(draw.choice((1, 3, 5, 10, 25)) * TICK_MS)
        if self._some(self.ruled * 0.06):
            return self._policy(model)
        count = 1 if self.small else draw.choice((1, 1, 1, 2, 3, 5))
        cuts = draw.randrange(1, 1 << 16) if draw.random() < 0.5 else 0
        return c.Send(connection.number, self._commands(model, connection, count), cuts)

    def _commands(self, model: NaiveBroker, connection: NaiveConnection, count: int) -> tuple[c.Command, ...]:
        draw = self.random
        made: list[c.Command] = []
        channel = connection.channels.get(draw.choice((1, 1, 1, 2)))
        if channel is None:
            number = next(one for one in (1, 2) if one not in connection.channels)
            made.append(c.OpenChannel(number))
            channel = NaiveChannel(connection, number)
            if self.small:
                return tuple(made)
        if draw.random() < 0.005:
            made.append(self._nonsense(channel.number))
        while len(made) < count:
            made.append(self._command(model, channel))
        return tuple(made)

    def _policy(self, model: NaiveBroker) -> c.Step:
        draw = self.random
        if model.policies and self._some(0.4):
            return c.ClearPolicy(draw.choice(list(model.policies)))
        name = draw.choice(QUEUES)
        rules = dict(self._rules(name, by_policy=True)) or {"max-length": 2}
        return c.SetPolicy(draw.choice(("p0", "p1", "p2")), f"^{name}$", tuple(rules.items()), draw.randrange(3))

    def _rules(self, name: str, by_policy: bool = False) -> list[tuple[str, Any]]:
        """Some of what can be said of a queue, as policies call it."""
        draw = self.random
        off_ms = 10 * (QUEUES.index(name) if name in QUEUES else len(QUEUES)) + 3 * by_policy
        rules: dict[str, Any] = {
            "message-ttl": draw.choice((0, 300, 300, 2_000)),
            "expires": draw.choice((1_000, 3_000)) + off_ms + 1,
            "max-length": draw.choice((0, 1, 2, 2, 5)),
            "max-length-bytes": draw.choice((10, 50, 500)),
            "overflow": draw.choice(("drop-head", "reject-publish", "reject-publish-dlx")),
            "dead-letter-exchange": draw.choice(("",) * 9 + (*EXCHANGES, "amq.fanout", "amq.headers", "missing")),
        }
        if rules["message-ttl"]:
            rules["message-ttl"] += off_ms + 2
        if self.small:
            del rules["overflow"]
        chances = {"dead-letter-exchange": 0.75, "expires": 0 if self._is_quorum(name) else 0.1}
        rules = {key: value for key, value in rules.items() if self._some(chances.get(key, 0.35))}
        to = rules.get("dead-letter-exchange")
        if to is not None and self._some(0.95 if to == "" else 0.4):
            rules["dead-letter-routing-key"] = draw.choice(QUEUES if to == "" else KEYS)
        return list(rules.items())

    def _is_quorum(self, name: str) -> bool:
        return self.quorum and name == QUEUES[-1]

    def _arguments(self, name: str) -> tuple[tuple[str, Any], ...]:
        draw = self.random
        if self._is_quorum(name):
            arguments = [(f"x-{key}", value) for key, value in self._rules(name)] if self._some(0.7) else []
            if self._some(0.6):
                # Below 0 there is none; before 4.0 everything is over that.
                limits = (0, 1, 2) if self.profile == "3.13" else (0, 1, 2, -1)
                arguments.append(("x-delivery-limit", draw.choice(limits)))
            return (*arguments, ("x-queue-type", "quorum"))
        if not self._some(self.ruled):
            return ()
        arguments = [(f"x-{key}", value) for key, value in self._rules(name)]
        if self._some(0.25):
            arguments.append(("x-max-priority", draw.choice((0, 1, 3, 5))))
        if self._some(0.15):
            arguments.append(("x-single-active-consumer", draw.choice((True, True, False))))
        return tuple(arguments)

    def _nonsense(self, number: int) -> c.Command:
        return self.random.choice(
            (
                c.OpenChannel(number),
                c.Flow(9),
                c.Flow(number, False),
                c.Recover(number, requeue=False),
                c.Qos(number, 1, size=1),
                c.CloseConnection(),
                c.DeclareExchange(number, "e9", "strange"),
            )
        )

    def _command(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        usable = [one for one in model.queues.values() if one.owner in (None, channel.connection)]
        if not usable and not self._some(0.02):
            return self._declare_queue(model, channel)
        kinds: dict[str, float] = {
            "declare": 2,
            "bind": 3,
            "delete": 0.7,
            "publish": 8,
            "consume": 3,
            "get": 2,
            "settle": 14,
            "qos": 1.5,
            "mode": 1,
            "end": 0.4,
        }
        emphasis = {"consume": "consume", "topology": "bind", "settle": "settle", "transaction": "mode"}
        if self.conduct in emphasis:
            kinds[emphasis[self.conduct]] *= 3
        if not channel.unacked:
            kinds["settle"] = 0
        if channel.transaction:
            kinds["mode"] += 3
        kind = self.random.choices(list(kinds), list(kinds.values()))[0]
        made: c.Command = getattr(self, f"_{kind}")(model, channel)
        return made

    def _some(self, chance: float) -> bool:
        return self.random.random() < chance

    def _queue(self, model: NaiveBroker, channel: NaiveChannel) -> str:
        """Mostly one that is there and may be used."""
        mine = [one.name for one in model.queues.values() if one.owner in (None, channel.connection)]
        if mine and not self._some(0.01):
            return self.random.choice(mine)
        if channel.last_queue is not None and self._some(0.3):
            return ""
        return self.random.choice(QUEUES)

    def _exchange(self, model: NaiveBroker) -> str:
        if self._some(0.01):
            return self.random.choice(("", "amq.rabbitmq.trace", *EXCHANGES))
        own = [name for name in EXCHANGES if name in model.exchanges]
        return self.random.choice(own * 2 + list(PREDECLARED))

    def _declare(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        number = channel.number
        if self._some(0.4):
            name = draw.choice((*EXCHANGES, "amq.direct", "amq.x")) if self._some(0.1) else draw.choice(EXCHANGES)
            known = model.exchanges.get(name)
            if known is not None and not self._some(0.03):
                return c.DeclareExchange(
                    number, name, known.kind, known.auto_delete, known.internal, known.alternate, self._some(0.5)
                )
            alternate = draw.choice((*EXCHANGES, "amq.fanout", "")) if self._some(0.4) else ""
            return c.DeclareExchange(
                number, name, draw.choice(KINDS), self._some(0.3), self._some(0.05), alternate, self._some(0.02)
            )
        return self._declare_queue(model, channel)

    def _declare_queue(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        number = channel.number
        # 4.3 takes no queue that is neither durable nor exclusive.
        durable = self._some(0.98 if self.profile == "4.3" else 0.5)
        if self._some(0.1):
            return c.DeclareQueue(
                number,
                "",
                durable,
                exclusive=self._some(0.5),
                auto_delete=self._some(0.3),
                arguments=self._arguments(""),
            )
        name = draw.choice(QUEUES)
        queue = model.queues.get(name)
        if queue is not None and not self._some(0.03):
            exclusive = queue.owner is not None
            arguments = tuple((f"x-{key}", value) for key, value in queue.arguments.items())
            return c.DeclareQueue(
                number, name, queue.durable, exclusive, queue.auto_delete, self._some(0.5), arguments=arguments
            )
        is_quorum = self._is_quorum(name)
        return c.DeclareQueue(
            number,
            name,
            durable or is_quorum,
            not is_quorum and self._some(0.1),
            not is_quorum and self._some(0.2),
            self._some(0.02),
            self._some(0.1),
            self._arguments(name),
        )

    def _bind(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        source = self._exchange(model)
        known = model.exchanges.get(source)
        undo = self._some(0.3)
        if undo and known is not None and known.bindings and not self._some(0.1):
            kind, name, key, arguments = draw.choice(known.bindings)
            if kind == "queue":
                return c.BindQueue(channel.number, name, source, key, arguments, True)
            return c.BindExchange(channel.number, name, source, key, arguments, True)
        arguments = draw.choice(MATCHES) if known is not None and known.kind == "headers" else ()
        if self._some(0.35):
            return c.BindExchange(channel.number, self._exchange(model), source, draw.choice(PATTERNS), arguments, undo)
        return c.BindQueue(channel.number, self._queue(model, channel), source, draw.choice(PATTERNS), arguments, undo)

    def _delete(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        if self._some(0.3):
            return c.PurgeQueue(channel.number, self._queue(model, channel))
        if self._some(0.4):
            name = self.random.choice((*EXCHANGES, "amq.topic")) if self._some(0.1) else self.random.choice(EXCHANGES)
            return c.DeleteExchange(channel.number, name, self._some(0.2))
        return c.DeleteQueue(channel.number, self._queue(model, channel), self._some(0.1), self._some(0.1))

    def _publish(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        if self._some(0.5):
            exchange, key = "", self._queue(model, channel) or "q0"
        else:
            exchange, key = self._exchange(model), draw.choice(KEYS)
        style = (
            draw.choice(list(PROPERTIES)[:6]) if not self._some(0.01) else draw.choice(("bad user", "bad expiration"))
        )
        extra = tuple(draw.choice((*KEYS, *QUEUES)) for _ in range(2)) if self._some(0.1) else ()
        carbon, blind = (extra, ()) if self._some(0.5) else ((), extra)
        count = draw.choice((1, 1, 1, 2, 3, 7, 20))
        size = 20_000 if count < 3 and self._some(0.02) else draw.choice((6, 6, 6, 30, 200))
        headers = draw.choice(HEADERS) if self._some(0.4) else ()
        priority = expiration = -1
        if self._some(self.ruled * 0.4):
            # The two levels of a quorum queue are not in the model.
            priority = draw.randrange(5 if self.quorum and self.profile == "4.2" else 7)
        if (
            exchange == ""
            and key in QUEUES
            and not extra
            and not style.startswith("bad")
            and self._some(self.ruled * 0.3)
        ):
            expiration = draw.choice((0, 200, 400, 1_500))
            expiration += expiration and 10 * QUEUES.index(key) + 6
        return c.Publish(
            channel.number,
            exchange,
            key,
            count,
            self._some(0.3),
            style,
            size,
            carbon,
            blind,
            headers,
            priority,
            expiration,
        )

    def _consume(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        if channel.consumers and self._some(0.3):
            return c.Cancel(channel.number, draw.choice(channel.consumers).tag, self._some(0.2))
        used = [one.tag for one in channel.consumers]
        free = [tag for tag in TAGS if tag not in used]
        if not free and not self._some(0.02):
            return c.Cancel(channel.number, draw.choice(used))
        tag = draw.choice(TAGS) if not free or self._some(0.02) else draw.choice((*free, ""))
        return c.Consume(
            channel.number,
            self._queue(model, channel),
            tag,
            self._some(0.2),
            self._some(0.01),
            draw.choice((0, 0, 0, 1, -1)),
            bool(tag) and self._some(0.1),
        )

    def _get(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        return c.Get(channel.number, self._queue(model, channel), self._some(0.3))

    def _settle(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        if self._some(0.08):
            return c.Recover(channel.number, self._some(0.7))
        which = draw.choice((-1, -2)) if self._some(0.01) else draw.randrange(max(len(channel.unacked), 1))
        how = draw.choice(("ack", "ack", "reject", "requeue"))
        by = "ack" if how == "ack" else draw.choice(("nack", "reject"))
        return c.Settle(channel.number, which, how, by, self._some(0.35))

    def _qos(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        # Quorum queues know no prefetch for a whole channel.
        return c.Qos(channel.number, self.random.choice((0, 1, 2, 3, 5)), self._some(0.01 if self.quorum else 0.35))

    def _mode(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        draw = self.random
        if channel.transaction and not self._some(0.02):
            return draw.choice((c.Commit, c.Commit, c.Rollback))(channel.number)
        if channel.confirms and not self._some(0.02):
            return self._publish(model, channel)
        return draw.choice((c.SelectConfirms, c.SelectTransaction))(channel.number)

    def _end(self, model: NaiveBroker, channel: NaiveChannel) -> c.Command:
        if self._some(0.15):
            return c.CloseConnection()
        return c.CloseChannel(channel.number) if self._some(0.5) else c.Flow(channel.number)
