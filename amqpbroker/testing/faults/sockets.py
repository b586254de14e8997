"""Faults of sockets: connections dropped in every way there is, and refused."""

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from amqpbroker.testing.faults.acts import Act
from amqpbroker.testing.faults.fault import Fault

if TYPE_CHECKING:
    from amqpbroker.testing.faults.occasion import Occasion
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules

How = Literal["rst", "eof", "black_hole", "half_open"]
"""rst: the client gets ECONNRESET. eof: it reads the end, as when a process ends in peace, without connection.close.

black_hole: nothing gets through any more, either way, and nothing says so, until the rule ends. half_open: the broker
has lost the connection and does not say so; what the client sends next is answered by RST.
"""
RefuseHow = Literal["refused", "reset"]
"""refused: nobody listens, the client gets ECONNREFUSED. reset: it is connected, and gets ECONNRESET at once."""

HOWS: Final = get_args(How)
BLACK_HOLE: Final = "black_hole"
REFUSE_HOWS: Final = get_args(RefuseHow)


def check_how(name: str, how: str, hows: tuple[str, ...]) -> None:
    """Raises ValueError."""
    if how not in hows:
        raise ValueError(f"{name}={how!r}: there are {', '.join(map(repr, hows))}")


class DropConnections(Act):
    """how: see `How`. is_outage: those who come while it lasts are dropped as well, as soon as they have logged in."""

    name = "drop_connections"

    def __init__(self, how: How, on: str | None, is_outage: bool) -> None:
        check_how("how", how, HOWS)
        super().__init__(on, comes_with="connection.open" if is_outage else None)
        self._how = how
        self._is_outage = is_outage
        self.holds = how == BLACK_HOLE

    def arguments(self) -> dict[str, Any]:
        return {"how": self._how} | super().arguments() | ({} if self._is_outage else {"new": False})

    def act(self, rules: "Rules", rule: "Rule", occasion: "Occasion") -> bool:
        occasion.socket.drop(self._how, rule)
        return True


class RefuseConnections(Fault):
    """how: see `RefuseHow`."""

    name = "refuse_connections"

    def __init__(self, how: RefuseHow) -> None:
        check_how("how", how, REFUSE_HOWS)
        self.how = how

    def arguments(self) -> dict[str, Any]:
        return {"how": self.how}

    def begin(self, rules: "Rules", rule: "Rule") -> None:
        if self.how == "refused" and set(rule.which) - {"for_", "seed"}:
            text = f"{rule}: who is refused is never seen by the broker: give for_= alone, or how='reset'"
            raise ValueError(text)
        if self.how == "refused":
            rules.server.do(rules.server.door.close())

    def end(self, rules: "Rules", rule: "Rule") -> None:
        if self.how == "refused":
            rules.server.do(rules.server.door.open())
