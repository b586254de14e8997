"""Assertions over what was published and what is in queues, that say what was there instead."""

from collections.abc import Sequence

from amqpbroker.testing.inspection.errors import ExpectationError
from amqpbroker.testing.inspection.history import Event
from amqpbroker.testing.inspection.matching import Expected, Match
from amqpbroker.testing.inspection.view import View


def published(view: View, expected: Expected, match: Match | None, count: int | None) -> list[Event]:
    """Those that are as expected: so many, or at least one. Raises ExpectationError."""
    everything = view.history.published
    found: list[Event] = []
    others: list[Event] = []
    for event in everything:
        (found if _fits(event, expected, match) else others).append(event)
    if (count is None and found) or len(found) == count:
        return found
    wanted = "at least 1 message" if count is None else _counted(count)
    lines = [f"expected {wanted} published {_like(expected, match)}, found {len(found)}"]
    lines += [f"  {event.told()}" for event in found[:_SHOWN_MAX]]
    if others:
        lines.append(f"others that were published, {len(others)} in all, the nearest first:")
        lines.append(expected.nearest(others))
    raise ExpectationError("\n".join([*lines, *_rest(view, bool(everything))]))


def not_published(view: View, expected: Expected, match: Match | None) -> None:
    """None is as expected. Raises ExpectationError."""
    found = [event for event in view.history.published if _fits(event, expected, match)]
    if found:
        lines = [f"expected no message published {_like(expected, match)}, found {len(found)}"]
        raise ExpectationError("\n".join([*lines, *(f"  {event.told()}" for event in found[:_SHOWN_MAX])]))


def empty(view: View, queues: Sequence[str]) -> None:
    """Nothing waits in these queues, or in any, and nothing of them is unacknowledged. Raises ExpectationError."""
    states = view.queues
    full = [states[name] for name in queues or states if not states[name].is_drained]
    if not full:
        return
    lines = ["expected no messages in " + (", ".join(map(repr, queues)) or "any queue")]
    for state in full:
        lines.append(f"  {state.name}  ready {state.ready}  unacked {state.unacked}")
        lines += [f"      {message.told()}" for message in view.messages(state.name, most=_SHOWN_MAX)]
    raise ExpectationError("\n".join(lines))


_SHOWN_MAX = 5


def _fits(event: Event, expected: Expected, match: Match | None) -> bool:
    return expected.fits(event) and (match is None or bool(match(event)))


def _like(expected: Expected, match: Match | None) -> str:
    like = f"like {expected.told()}" if expected.is_said else "at all"
    return like if match is None else f"{like} for which match is true"


def _counted(count: int) -> str:
    return f"{count} message" if count == 1 else f"{count} messages"


def _rest(view: View, any_published: bool) -> list[str]:
    dropped = view.history.dropped
    notes = [] if not dropped else [f"the history has dropped {dropped} older events: there may have been others"]
    return notes if any_published else [*notes, "nothing was published", view.told()]
