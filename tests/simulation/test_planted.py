"""What the simulation is worth: faults put into the journal, every one of which it has to find.

One fault is not in the table: to leave out the seal loses nothing on a disk that keeps what it was given. It takes a
damaged one, and has a test of its own.
"""

from collections.abc import Callable

import pytest

from amqpbroker.journal.format import BLOCK_BYTES
from amqpbroker.journal.recovery import Damage
from tests.helpers.durable import DurableServer, numbered
from tests.simulation import durable_generator, planted, run
from tests.simulation.planted import FAULTS, FAULTS_OF_RULES

SEEDS_MAX = 600
STEPS = 120
# What few runs find is looked for first where it was found: a seed stands for the same run as long as the generator is
# as it was.
FOUND_AT = {"ignore the checksum": 10, "retry a failed sync": 41, "trust the page-cache tail": 122}


def _found(run: Callable[[int, int], None], seed: int) -> bool:
    try:
        run(seed, STEPS)
    except Exception:
        return True
    return False


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str) -> None:
    with FAULTS[name]():
        assert any(
            _found(durable_generator.run_seed, seed) for seed in (FOUND_AT.get(name, 1), *range(1, SEEDS_MAX + 1))
        )


@pytest.mark.parametrize("name", FAULTS_OF_RULES)
def test_a_planted_fault_in_the_rules_of_queues_is_found(name: str) -> None:
    with FAULTS_OF_RULES[name]():
        assert any(_found(run.run_seed, seed) for seed in range(1, SEEDS_MAX + 1))


def _confirmed_and_then_damaged() -> DurableServer:
    """A message is on disk and a while goes by; then its frame is damaged, which stands last but for the seal."""
    server = DurableServer()
    server.put(numbered(1))
    server.commit()
    last = server.log.segments[-1]
    offset = last.end - BLOCK_BYTES
    commit = server.log.close(seal=True)
    if commit is not None:
        server.writer.commit_once(commit)
    server.disk.flip(last.name, offset + 100, 0)
    return server


def test_without_the_seal_a_damaged_last_commit_passes_for_one_that_was_never_finished() -> None:
    with pytest.raises(Damage, match="stands after it"):
        _confirmed_and_then_damaged().after_a_kill()
    with planted.drop_the_seal():
        assert _confirmed_and_then_damaged().after_a_kill().vhost.queues == {}
