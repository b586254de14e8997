"""What faults have done, to be read, and to be done again."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Self

# So many are kept, of a broker and of each of its rules.
HITS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a fault has done.

    fault: its name. rule: the number of its rule, from 1 in the order in which they were made. nth: which of the
    occasions that the rule matches it was. at: by the broker's clock. what: the method, or what was there otherwise.
    """

    fault: str
    rule: int
    nth: int
    at: datetime
    what: str
    connection: str = ""
    channel: int = 0
    exchange: str | None = None
    routing_key: str | None = None
    queues: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.at:%H:%M:%S.%f}", f"{self.fault} (rule {self.rule}) struck {self.what}, its {self.nth}."]
        if self.connection:
            parts.append(f"on {self.connection}" + (f" channel {self.channel}" if self.channel else ""))
        if self.exchange is not None:
            parts.append(f"exchange '{self.exchange}'")
        if self.routing_key is not None:
            parts.append(f"key '{self.routing_key}'")
        if self.queues:
            parts.append(f"queues {', '.join(self.queues)}")
        return " ".join(parts)


@dataclass(slots=True)
class RuleLog:
    """One rule: the fault with its arguments, how many occasions it has matched, and which of these it struck."""

    fault: str
    arguments: dict[str, Any]
    seed: int
    seen: int
    struck: list[int]


@dataclass(slots=True)
class FaultLog:
    """hits: in order. rules: what is needed to do it again, in the order in which rules were made.

    dropped: how many hits, the oldest, are not in it any more.
    """

    hits: list[Hit] = field(default_factory=list)
    rules: list[RuleLog] = field(default_factory=list)
    dropped: int = 0

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __str__(self) -> str:
        dropped = [f"({self.dropped} older ones were dropped)"] if self.dropped else []
        return "\n".join([*dropped, *map(str, self.hits)]) or "no fault has struck"

    def to_json(self) -> str:
        """What `from_json` reads: keep it beside a test that has failed."""
        hits = [asdict(hit) | {"at": hit.at.isoformat()} for hit in self.hits]
        rules = [asdict(rule) for rule in self.rules]
        return json.dumps({"rules": rules, "hits": hits, "dropped": self.dropped}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError: it is no log of faults."""
        try:
            read = json.loads(text)
            hits = [
                Hit(**hit | {"at": datetime.fromisoformat(hit["at"]), "queues": tuple(hit["queues"])})
                for hit in read["hits"]
            ]
            return cls(hits, [RuleLog(**rule) for rule in read["rules"]], read.get("dropped", 0))
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"no log of faults, which FaultLog.to_json writes: {fault}") from fault
