"""What a rule does when it strikes."""

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from amqpbroker.testing.faults.frame import Frame
    from amqpbroker.testing.faults.publish import Publish
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules
    from amqpbroker.testing.faults.which import Which


class Fault:
    """name: of the method of `Faults` that makes it. holds: what it has done lasts until its rule is ended."""

    name: ClassVar[str]
    holds: bool = False

    def arguments(self) -> dict[str, Any]:
        """What it was made with, for the log."""
        return {}

    def described(self, which: "Which") -> str:
        """As it stands in the test."""
        told = self.arguments() | which
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    def logged(self, which: "Which") -> dict[str, Any]:
        """The same, as JSON can hold it."""
        return {name: _plain(value) for name, value in (self.arguments() | which).items()}

    def begin(self, rules: "Rules", rule: "Rule") -> None:
        """The rule begins. Raises FaultTargetError: what it is to strike now is not there."""

    def end(self, rules: "Rules", rule: "Rule") -> None:
        """The rule is over: what hangs on its being there goes on."""


class FrameFault(Fault, ABC):
    """Strikes frames of clients, or to clients."""

    @abstractmethod
    def wants(self, frame: "Frame") -> bool:
        """Whether it is one of those that the fault is about."""

    @abstractmethod
    def strike(self, rules: "Rules", rule: "Rule", frame: "Frame") -> None:
        """Does to the frame what it does."""


class PublishFault(Fault, ABC):
    """Strikes messages that clients publish, once it is known where they go."""

    @abstractmethod
    def strike(self, rule: "Rule", publish: "Publish") -> None:
        """Notes in the publish what becomes of it."""


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return sorted(value) if isinstance(value, set | frozenset | range) else value
