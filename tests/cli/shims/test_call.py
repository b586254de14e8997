"""Which broker a shim means: one that this user runs here, by its port or its name; else as the verbs have it."""

import os
from pathlib import Path

import pytest

from amqpbroker.cli.client import basic
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import Failed
from amqpbroker.cli.shims.invocation import Invocation
from amqpbroker.management.access.local_login import LocalLogin, directory, write


@pytest.fixture(autouse=True)
def brokers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AMQPBROKER_", "RABBITMQ_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for node, port in (("a@h", 5673), ("rabbit@h", 5672), ("b@h", 5674)):
        login = LocalLogin(node, port, f"http://127.0.0.1:1{port}", f"token-{node}", os.getpid())
        write(login, directory(os.environ))


def call(**given: str) -> Call:
    return Call(Invocation("rabbitmqctl", "ping", (), given))


def test_of_several_the_one_on_the_usual_port() -> None:
    assert call().client.url == "http://127.0.0.1:15672"
    assert call().client.authorization == "Bearer token-rabbit@h"
    assert call().node == "rabbit@h"


def test_one_by_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_NODE_PORT", "5674")
    assert call().node == "b@h"


def test_one_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(node="a@h").client.url == "http://127.0.0.1:15673"
    monkeypatch.setenv("RABBITMQ_NODENAME", "b@h")
    assert call().client.url == "http://127.0.0.1:15674"


def test_a_node_that_nobody_runs_here_is_not_reached() -> None:
    with pytest.raises(Failed) as failure:
        assert call(node="x@h").client
    assert failure.value.exit_code == 69


def test_an_address_that_is_given_is_asked_as_whom_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQPBROKER_HTTP", "http://anna:a@h")
    assert (call().client.url, call().client.authorization) == ("http://h:15672", basic("anna", "a"))


def test_without_any_broker_of_ours_guest_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "empty"))
    assert call().client.authorization == basic("guest", "guest")


def test_a_banner_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    call().banner("Listing ...")
    for given in ({"quiet": "true"}, {"silent": "true"}, {"formatter": "json"}, {"formatter": "csv"}):
        call(**given).banner("Never")
    assert capsys.readouterr().out == "Listing ...\n"
