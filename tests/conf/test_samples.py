"""The samples for other systems: what they start is started here as they say."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pika
import yaml

CONF = Path(__file__).parents[2] / "conf"
BIN = Path(sys.executable).parent


def sample(name: str) -> dict:
    return yaml.safe_load((CONF / name).read_text(encoding="utf-8"))


def test_the_job_of_github_actions_starts_a_broker_and_waits_for_it(tmp_path):
    steps = {step.get("name"): step for step in sample("github-actions.yml")["jobs"]["tests"]["steps"]}
    free = {"AMQPBROKER_PORT": "0", "AMQPBROKER_HTTP_PORT": "0", "AMQPBROKER_METRICS_PORT": "-1"}
    variables = {**os.environ, **free, "RUNNER_TEMP": str(tmp_path), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    script = steps["Start the broker"]["run"] + "\necho $!"
    done = subprocess.run(
        ["bash", "-e", "-c", script], env=variables, stdout=subprocess.PIPE, text=True, check=True, timeout=30
    )
    try:
        port = int((tmp_path / "amqp-port").read_text())
        pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port)).close()
        assert "Server startup complete" in (tmp_path / "amqpbroker.log").read_text()
    finally:
        os.kill(int(done.stdout), signal.SIGTERM)


def test_the_flags_of_the_compose_file_are_flags():
    command = shlex.split(sample("compose.yml")["services"]["amqpbroker"]["command"])[2]
    flags = command.partition("exec amqpbroker ")[2].split()
    done = subprocess.run([BIN / "amqpbroker", *flags, "--help"], capture_output=True, text=True, check=False)
    assert (flags[0], done.returncode) == ("serve", 0), done.stderr


def test_the_compose_file_asks_whether_it_is_well_as_the_command_line_does():
    services = sample("compose.yml")["services"]
    assert services["amqpbroker"]["healthcheck"]["test"] == ["CMD", "amqpbroker", "ping"]
    assert services["tests"]["network_mode"] == "service:amqpbroker"
