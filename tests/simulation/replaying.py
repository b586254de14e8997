"""What a run needs to be replayed: reads cut at random, steps left out until what is left still fails, and its code."""

import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace

from tests.simulation.commands import DeclareQueue, Publish, Send, Step

SHRINK_S = 20.0
RUNS = int(os.environ.get("AMQPBROKER_SIMULATION_RUNS", "2000"))
FIRST = int(os.environ.get("AMQPBROKER_SIMULATION_FIRST", "1"))


def cut(octets: bytes, seed: int) -> list[bytes]:
    """The octets as the reads they arrive in."""
    if not seed or not octets:
        return [octets]
    draw = random.Random(seed)
    places = sorted({draw.randrange(len(octets)) for _ in range(draw.choice((1, 2, 5, 30)))} | {0})
    return [octets[start:end] for start, end in zip(places, [*places[1:], len(octets)], strict=True)]


def shrink(steps: Sequence[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """As few steps and commands as still fail in the same way, within SHRINK_S."""
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
            if fails(shorter):
                best = shorter
                improved = True
    return _simplified(best, fails, deadline_s)


def _simplified(steps: list[Step], fails: Callable[[list[Step]], bool], deadline_s: float) -> list[Step]:
    """The same steps with as few commands as still fail."""
    improved = True
    while improved:
        improved = False
        for place, step in enumerate(steps):
            for simpler in _simpler(step):
                changed = [*steps[:place], simpler, *steps[place + 1 :]]
                if time.monotonic() < deadline_s and fails(changed):
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
        command = step.commands[left_out]
        if isinstance(command, DeclareQueue):
            for pair in command.arguments:
                fewer = replace(command, arguments=tuple(one for one in command.arguments if one != pair))
                yield replace(step, commands=(*step.commands[:left_out], fewer, *step.commands[left_out + 1 :]))
        if isinstance(command, Publish):
            for plain in (
                replace(command, count=1),
                replace(command, style="plain", size=6, headers=(), cc=(), bcc=()),
                replace(command, priority=-1),
                replace(command, expiration=-1),
            ):
                if plain != command:
                    yield replace(step, commands=(*step.commands[:left_out], plain, *step.commands[left_out + 1 :]))


def kind_of(failure: Exception | None) -> str:
    """Failures that begin alike, but for numbers, are taken for one."""
    return "".join(one for one in repr(failure) if not one.isdigit())[:60]


def line(value: object) -> str:
    """The Python that makes a step or command, without what is as by default."""
    if isinstance(value, tuple) and any(is_dataclass(item) for item in value):
        return f"({', '.join(map(line, value))},)"
    if not is_dataclass(value):
        return repr(value)
    shown = [
        line(getattr(value, one.name)) if one.default is MISSING else f"{one.name}={line(getattr(value, one.name))}"
        for one in fields(value)
        if getattr(value, one.name) != one.default
    ]
    return f"{type(value).__name__}({', '.join(shown)})"
