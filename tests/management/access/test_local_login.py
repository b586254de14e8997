"""What a broker leaves for its own user: readable by nobody else, and gone or ignored when the broker is."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from amqpbroker.management.access.local_login import LocalLogin, NotSafe, directory, read_all, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is none there")


def login(amqp_port: int = 5672, process: int = 0) -> LocalLogin:
    return LocalLogin("rabbit@host", amqp_port, "http://127.0.0.1:15672", "token", process or os.getpid())


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "amqpbroker")


def test_what_is_left_is_found(where: str) -> None:
    write(login(5673), where)
    write(login(5672), where)
    assert list(read_all(where)) == [login(5672), login(5673)]


def test_nobody_else_may_read_it(where: str) -> None:
    path = write(login(), where)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(where).st_mode) == 0o700


def test_the_next_run_replaces_it(where: str) -> None:
    write(login(), where)
    write(login()._replace(token="other"), where)
    assert [one.token for one in read_all(where)] == ["other"]
    assert os.listdir(where) == ["5672.json"]


def test_where_nothing_was_left_there_is_nothing(where: str) -> None:
    assert list(read_all(where)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only there it is told")
def test_a_broker_that_has_ended_is_left_out_though_its_parent_has_not_looked(where: str) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        write(login(process=ended.pid), where)
        assert list(read_all(where)) == []


def test_a_broker_that_was_killed_is_left_out_and_its_file_goes_with_the_next(where: str) -> None:
    write(login(), where)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    Path(where, "5672.json").write_text(json.dumps(login(process=gone.pid)._asdict()))
    assert list(read_all(where)) == []
    write(login(5673), where)
    assert os.listdir(where) == ["5673.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"token": 1}', "\x00"])
def test_what_is_no_login_is_left_out(where: str, text: str) -> None:
    write(login(5673), where)
    path = Path(where, "5672.json")
    path.write_text(text)
    path.chmod(0o600)
    assert list(read_all(where)) == [login(5673)]


def test_a_directory_that_is_open_to_others_is_neither_written_nor_read(where: str) -> None:
    write(login(), where)
    Path(where).chmod(0o755)
    with pytest.raises(NotSafe) as refusal:
        write(login(), where)
    assert refusal.value.filename == where
    with pytest.raises(NotSafe):
        list(read_all(where))


def test_a_link_is_not_followed(where: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir(mode=0o700)
    Path(where).symlink_to(tmp_path / "other")
    with pytest.raises(NotSafe):
        write(login(), where)


def test_a_file_that_is_open_to_others_is_not_read(where: str) -> None:
    Path(write(login(), where)).chmod(0o640)
    with pytest.raises(NotSafe, match="is not this user's alone"):
        list(read_all(where))


def test_it_is_where_things_are_that_last_as_long_as_a_login() -> None:
    assert directory({"XDG_RUNTIME_DIR": "/run/user/1"}) == "/run/user/1/amqpbroker"
    assert directory({"XDG_RUNTIME_DIR": "relative", "TMPDIR": "/var/tmp"}) == f"/var/tmp/amqpbroker-{os.getuid()}"
    assert directory({}).endswith(f"amqpbroker-{os.getuid()}")
