"""The classic pair of programs: ten messages to `hello`, and a consumer that never acknowledges."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from interop_tests.conftest import Connect
from interop_tests.steps import get_all, settle

PROGRAMS = Path(__file__).parent / "programs"
GREETINGS = [f"Hello World {number}!" for number in range(10)]


def command(program: str, amqp_url: str) -> list[str]:
    """The command line that runs the program against the broker."""
    parts = urlsplit(amqp_url)
    return [sys.executable, str(PROGRAMS / program), str(parts.hostname), str(parts.port)]


@contextmanager
def killed_in_the_end(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run the program with its output readable; kill it, as by SIGKILL, at the end."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.until_4_3
def test_a_killed_consumers_messages_go_to_the_next(amqp_url: str, connect: Connect) -> None:
    channel = connect().channel()
    channel.queue_delete("hello")
    try:
        subprocess.run(command("producer.py", amqp_url), check=True, timeout=20, stdout=subprocess.DEVNULL)
        settle(channel, "hello", 10)
        for _ in range(2):
            with killed_in_the_end(command("consumer.py", amqp_url)) as consumer:
                assert consumer.stdout is not None
                assert [consumer.stdout.readline().rstrip("\n") for _ in GREETINGS] == GREETINGS
                settle(channel, "hello", 0)
            settle(channel, "hello", 10)
        bodies = get_all(channel, "hello")
        assert bodies == [(f'{{"body": "{greeting}"}}', True) for greeting in GREETINGS]
    finally:
        channel.queue_delete("hello")
