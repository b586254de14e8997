"""Data directories that earlier versions of the broker have written, kept as they were left: they open and go on."""

from pathlib import Path

from amqpbroker.journal import manifest
from amqpbroker.model.queues.priority import PriorityQueue
from tests.helpers.durable import DurableServer
from tests.journal.mutations import Files, disk_of

DATA = Path(__file__).parent / "data"


def files_of_version(number: int) -> Files:
    root = DATA / f"version_{number}"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_version_1_has_written_is_there() -> None:
    server = DurableServer(disk_of(files_of_version(1)))
    assert (server.damage, server.left) == ([], [])
    bodies = [message[2] for _, message, _ in server.queue("tasks").messages()]
    assert bodies == [b"001", b"003", b"004", b"both", b"both", b"both"]
    assert [binding.source for binding in server.vhost.exchanges["logs"].bindings] == ["logs", "logs"]


def test_a_queue_with_priorities_of_version_1_goes_on() -> None:
    # Version 1 kept the argument and not the order.
    server = DurableServer(disk_of(files_of_version(1)))
    queue = server.vhost.queues["ranked"]
    assert isinstance(queue, PriorityQueue)
    assert queue.message_count == 3


def test_from_the_first_commit_on_it_is_of_the_new_version() -> None:
    server = DurableServer(disk_of(files_of_version(1)))
    server.commit()
    assert server.disk.open("MANIFEST").read(0, 100).startswith(f"amqpbroker-journal {manifest.VERSION} ".encode())
    again = server.after_a_kill()
    assert [queue.message_count for queue in again.vhost.queues.values()] == [6, 3]
