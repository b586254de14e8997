"""The examples for other languages, run as they stand in the guide, against a broker in a process of its own."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pika
import pytest

from tests.helpers.served_process import served_process

GUIDE = Path(__file__).parents[3] / "docs/testing.md"


def example(language: str) -> str:
    """The only snippet of that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return found


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """What the examples read: where the broker is."""
    with served_process() as served:
        yield {**os.environ, "AMQP_URL": served.amqp_url, "API_URL": served.url}


@pytest.fixture
def node_modules(tmp_path: Path) -> Path:
    """A directory with amqplib."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "amqplib@0.10"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    if done.returncode:
        pytest.skip(f"amqplib cannot be installed: {done.stderr.strip()[-200:]}")
    return tmp_path


def test_the_example_in_node(variables, node_modules):
    (node_modules / "example.mjs").write_text(example("js"), encoding="utf-8")
    done = subprocess.run(
        ["node", "example.mjs"],
        cwd=node_modules,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_example_in_a_shell(variables):
    done = subprocess.run(
        ["sh", "-c", "set -e\n" + example("sh")], env=variables, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    before = httpx.post(f"{variables['API_URL']}/api/_test/clock/now", auth=("guest", "guest")).json()
    assert before > time.strftime("%Y-%m-%d")


def test_what_clients_of_a_process_do_is_watched_by_its_linter(variables):
    with pika.BlockingConnection(pika.URLParameters(variables["AMQP_URL"])) as connection:
        connection.channel().queue_declare("watched")
    answer = httpx.post(f"{variables['API_URL']}/api/_test/warnings", auth=("guest", "guest"))
    assert ("transient-queue", "watched") in [(one["rule"], one["place"]["queue"]) for one in answer.json()]
