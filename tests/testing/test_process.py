"""A broker in a process of its own."""

import os
import select
import subprocess
import sys
from urllib.request import urlopen

import pika
import pytest

from amqpbroker.server.config import ConfigError
from amqpbroker.testing import BrokerProcess, BrokerProcessError, BrokerStoppedError

DURABLE = pika.BasicProperties(delivery_mode=2)


@pytest.fixture
def process():
    with BrokerProcess() as process:
        yield process


def channel_to(process) -> pika.adapters.blocking_connection.BlockingChannel:
    return pika.BlockingConnection(pika.URLParameters(process.url)).channel()


@pytest.mark.parametrize("end", [BrokerProcess.kill, BrokerProcess.terminate])
def test_what_was_confirmed_is_there_after_it_was_ended_and_started_again(process, end):
    channel, port = channel_to(process), process.port
    channel.confirm_delivery()
    channel.queue_declare("orders", durable=True)
    channel.basic_publish("", "orders", b"one", DURABLE)
    end(process)
    assert not process.is_running
    process.restart()
    assert process.port == port
    assert channel_to(process).basic_get("orders")[2] == b"one"


def test_it_is_asked_to_end_where_it_runs_still(process):
    pid = process.pid
    process.restart()
    assert process.pid != pid


def test_nothing_is_left_of_it():
    with BrokerProcess() as process:
        pid, directory = process.pid, process._directory
        assert directory.exists()
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells when a process of others has ended")
def test_it_ends_with_the_suite_however_that_ends(tmp_path):
    program = "import os, sys; from amqpbroker.testing import BrokerProcess; one = BrokerProcess(memory=True).start(); "
    program += "print(one.pid, flush=True); sys.stdin.read(); os._exit(1)"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": {**os.environ, "TMPDIR": str(tmp_path)}}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as suite:
        ended = os.pidfd_open(int(suite.stdout.readline()))
        suite.stdin.close()
        assert select.select([ended], [], [], 30)[0] == [ended]
        os.close(ended)


def test_the_management_api_answers():
    with BrokerProcess(http=True, memory=True) as process, urlopen(process.http_url) as answer:
        assert answer.status == 200


def test_why_it_does_not_start_is_told_with_its_log(process):
    taken = BrokerProcess(memory=True, unix_socket="/nonexistent/socket")
    with pytest.raises(BrokerProcessError, match="/nonexistent/socket"):
        taken.start()
    assert not taken.is_running


def test_an_unknown_setting_is_named_before_anything_runs():
    with pytest.raises(ConfigError, match="did you mean profile"):
        BrokerProcess(profil="4.3")


def test_one_that_does_not_run_says_so():
    process = BrokerProcess()
    with pytest.raises(BrokerStoppedError, match="has not been started"):
        _ = process.url
    with process:
        pass
    with pytest.raises(BrokerStoppedError, match="has been stopped"):
        process.terminate()
