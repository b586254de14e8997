"""`amqpbroker dev-cert`: files that work together, keys that nobody else reads, and words for what is not possible."""

import json
import os
import ssl
import sys
from pathlib import Path

import pytest

from amqpbroker.cli.main import main
from amqpbroker.cli.serve import parse
from amqpbroker.server.config import load
from amqpbroker.server.logins import external_login, mechanisms
from amqpbroker.server.tls import Tls
from tests.server.test_tls import shake_hands

NAMES = ["ca.pem", "client.key", "client.pem", "server.key", "server.pem"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "certificates"


def made(directory: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """What it says."""
    assert main(["dev-cert", "--dir", str(directory), *flags]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    code = main(["dev-cert", *flags])
    told = capsys.readouterr()
    assert told.out == ""
    return code, told.err


def test_what_it_makes_lets_the_client_log_in_by_its_certificate(directory, capsys):
    told = json.loads(made(directory, capsys, "--json", "--host", "broker.example", "--user", "anna"))
    assert told["hosts"] == ["broker.example", "localhost", "127.0.0.1", "::1"]
    flags = told["serve"] + told["verify"]
    config = load(parse(flags), {})
    assert "EXTERNAL" in mechanisms(config, over_tls=True)
    client = ssl.create_default_context(cafile=told["files"]["ca.pem"])
    client.load_cert_chain(told["files"]["client.pem"], told["files"]["client.key"])
    here = shake_hands(Tls(config).amqp, client, "broker.example")
    assert external_login(here.getpeercert(), config) == ("anna", "")


def test_it_says_what_to_put_where(directory, capsys):
    said = made(directory, capsys)
    assert (
        f"amqpbroker serve --tls-port 5671 --tls-cert {directory}/server.pem --tls-key {directory}/server.key" in said
    )
    assert f"create_default_context(cafile='{directory}/ca.pem')" in said


@pytest.mark.skipif(os.name != "posix", reason="files have no such rights here")
def test_nobody_else_reads_a_key(directory, capsys):
    made(directory, capsys)
    assert sorted(os.listdir(directory)) == NAMES
    rights = {name: (directory / name).stat().st_mode & 0o777 for name in NAMES}
    assert {name for name, mode in rights.items() if mode == 0o600} == {"client.key", "server.key"}


def test_what_is_there_is_not_written_over(directory, capsys):
    made(directory, capsys)
    before = (directory / "ca.pem").read_bytes()
    code, text = refused(capsys, "--dir", str(directory))
    assert (code, (directory / "ca.pem").read_bytes()) == (1, before)
    assert text.startswith(f"amqpbroker: {directory}: ca.pem is there already")


@pytest.mark.parametrize("flag", ["--host=not a name", "--user=" + "x" * 65])
def test_a_name_that_no_certificate_can_have_is_refused(directory, capsys, flag):
    code, text = refused(capsys, "--dir", str(directory), flag)
    assert code == 2
    assert text.startswith("amqpbroker: a certificate cannot have such a name: ")
    assert not directory.exists()


def test_a_directory_that_cannot_be_made_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    code, text = refused(capsys, "--dir", str(tmp_path / "file" / "x"))
    assert code == 1
    assert text.startswith(f"amqpbroker: {tmp_path}/file/x: ")


def test_without_trustme_it_says_what_to_install(directory, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert refused(capsys, "--dir", str(directory)) == (
        1,
        "amqpbroker: dev-cert needs trustme: pip install amqpbroker[cli]\n",
    )


def test_an_option_that_it_does_not_know_is_usage(capsys):
    assert refused(capsys, "--hosts")[0] == 2
