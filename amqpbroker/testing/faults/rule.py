"""One fault, what it strikes, and what it has done so far."""

from collections import deque
from collections.abc import Collection
from random import Random
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.testing.faults.log import HITS_MAX, Hit
from amqpbroker.testing.faults.which import Where, Which, numbers

if TYPE_CHECKING:
    from amqpbroker.testing.faults.fault import Fault
    from amqpbroker.testing.faults.occasion import Occasion
    from amqpbroker.testing.faults.rules import Rules

_SHOWN_HITS: Final = 10


class Rule:
    """number: it was the n-th that was made. seed: of its dice. seen: how many occasions it has matched, hit or not.

    hits: the last of what it has done, in order; hit_count: how often. is_over: it strikes nothing any more.
    """

    def __init__(self, rules: "Rules", fault: "Fault", which: Which, number: int) -> None:
        self.fault = fault
        self.which = which
        self.number = number
        self.where = Where(which)
        self.seed = which["seed"] if "seed" in which else rules.new_seed()
        self.seen = 0
        self.hits: deque[Hit] = deque(maxlen=HITS_MAX)
        self.hit_count = 0
        self.is_over = False
        self._rules = rules
        self._dice = Random(self.seed)
        # From a log: which of its occasions it struck.
        self.replayed: Collection[int] | None = None

    def __str__(self) -> str:
        return self.fault.described(self.which)

    def strikes(self, occasion: "Occasion") -> bool:
        """Whether the fault is to be done; if so it is noted. Asked once for each occasion."""
        if self.is_over or not self.where.matches(occasion):
            return False
        self.seen += 1
        if not self._decides():
            return False
        self._note(
            occasion.what,
            connection=occasion.socket.name,
            channel=occasion.channel,
            exchange=occasion.exchange,
            routing_key=occasion.routing_key,
            queues=tuple(occasion.queues),
        )
        if self.hit_count == self.which.get("times"):
            self._rules.spend(self)
        return True

    def strike_once(self, what: str) -> None:
        """The fault has been done to what is no client's."""
        self.seen += 1
        self._note(what)

    def _note(self, what: str, **about: Any) -> None:
        hit = Hit(self.fault.name, self.number, self.seen, self._rules.now(), what, **about)
        self.hit_count += 1
        self.hits.append(hit)
        self._rules.noted(hit)

    def end(self) -> None:
        """It strikes nothing any more, and what hung on it goes on; nothing if it is over."""
        self._rules.end(self)

    def assert_hit(self, times: int | None) -> None:
        """Raises AssertionError: it has done nothing, or not so many times."""
        count = self.hit_count
        if count if times is None else count == times:
            return
        wanted = "at least once" if times is None else f"{times} times"
        seen = f"{self.seen} of what went by matched" if self.seen else "nothing that went by matched"
        last = "".join(f"\n  {hit}" for hit in list(self._rules.hits)[-_SHOWN_HITS:])
        others = f"; what faults did last:{last}" if last else ", and no other fault has done anything"
        raise AssertionError(f"{self} was to strike {wanted}, and has {count} times: {seen}{others}")

    def _decides(self) -> bool:
        which = self.which
        # Thrown each time, so that what it gives for the n-th hangs on n alone.
        thrown = self._dice.random()
        if self.replayed is not None:
            return self.seen in self.replayed
        if "nth" in which and self.seen not in numbers(which["nth"]):
            return False
        if "every" in which and self.seen % which["every"]:
            return False
        return "probability" not in which or thrown < which["probability"]
