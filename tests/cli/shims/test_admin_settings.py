"""Where rabbitmqadmin's options come from: flags, a base URI, a file of settings, what is usual."""

from argparse import Namespace
from pathlib import Path

import pytest

from amqpbroker.cli.shims.admin_settings import fill_in
from amqpbroker.cli.shims.failing import Failed

SETTINGS = """\
[default]
hostname = from-file
port = 1
[other]
username = anna
ssl = True
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def filled(**given: object) -> Namespace:
    options = Namespace(**{"config": None, "node": None, "base_uri": None} | given)
    fill_in(options)
    return options


def test_what_is_usual() -> None:
    options = filled()
    assert (options.hostname, options.port, options.username, options.format) == (
        "localhost",
        "15672",
        "guest",
        "table",
    )
    assert not (options.hostname_given or options.username_given)


def test_a_flag_wins_over_the_file(home: Path) -> None:
    (home / ".rabbitmqadmin.conf").write_text(SETTINGS)
    options = filled(port="2")
    assert (options.hostname, options.port, options.hostname_given) == ("from-file", "2", True)


def test_a_section_of_a_file_that_is_named(home: Path) -> None:
    (home / "mine").write_text(SETTINGS)
    options = filled(config=str(home / "mine"), node="other")
    assert (options.username, options.ssl, options.hostname) == ("anna", True, "localhost")


def test_a_base_uri_wins_over_all() -> None:
    options = filled(base_uri="http://anna:a%2Fb@h:1/ignored", hostname="flag")
    assert (options.hostname, options.port, options.username, options.password) == ("h", "1", "anna", "a/b")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"config": "nowhere"}, "Could not read config file 'nowhere'"),
        ({"node": "nix"}, "Could not read section 'nix'"),
    ],
)
def test_what_is_not_there(home: Path, given: dict[str, object], text: str) -> None:
    (home / ".rabbitmqadmin.conf").write_text(SETTINGS)
    with pytest.raises(Failed, match=text):
        filled(**given)


def test_a_file_that_is_none_is_told(home: Path) -> None:
    (home / ".rabbitmqadmin.conf").write_text("no section")
    with pytest.raises(Failed, match="Could not read config file"):
        filled()
