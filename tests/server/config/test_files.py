"""Which files a path stands for, and in which format they are."""

from pathlib import Path

import pytest

from amqpbroker.server.config import ConfigError, load
from amqpbroker.server.config.files import additional_files, conf_files, is_rabbitmq_conf
from tests.helpers.configuration import refusal, written


def test_the_extension_may_be_left_out(tmp_path: Path):
    (tmp_path / "rabbitmq.conf").touch()
    assert conf_files(str(tmp_path / "rabbitmq")) == [str(tmp_path / "rabbitmq.conf")]
    assert conf_files(str(tmp_path / "other")) == [str(tmp_path / "other")]
    (tmp_path / "rabbitmq").touch()
    assert conf_files(str(tmp_path / "rabbitmq")) == [str(tmp_path / "rabbitmq")]


def test_a_directory_stands_for_its_files_by_name(tmp_path: Path):
    for name in ("20-b.conf", "10-a.conf", "readme.txt"):
        (tmp_path / name).touch()
    assert [Path(path).name for path in conf_files(str(tmp_path))] == ["10-a.conf", "20-b.conf"]


def test_a_directory_without_files_is_refused_but_as_a_further_one(tmp_path: Path):
    assert refusal({"config_file": str(tmp_path)}).startswith(f"{tmp_path}: there is no file named *.conf in it")
    assert additional_files(str(tmp_path)) == additional_files(str(tmp_path / "nowhere")) == additional_files("") == []


@pytest.mark.parametrize(
    ("name", "content", "is_conf"),
    [
        ("rabbitmq.conf", "", True), ("a.yml", "a = b", False), ("a.yaml", "a = b", False), ("a.json", "{}", False),
        ("config", "# heartbeat: 5\n\nheartbeat = 5", True), ("config", "heartbeat: 5", False), ("config", "", False),
        ("config", "users: [{password: a=b}]", False),
    ],
)  # fmt: skip
def test_a_format_is_told_by_the_name_or_else_by_the_first_line(tmp_path: Path, name: str, content: str, is_conf: bool):
    path = tmp_path / name
    path.write_text(content)
    assert is_rabbitmq_conf(str(path)) == is_conf


def test_erlang_terms_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="Erlang terms are not read"):
        load(written(tmp_path, "[{rabbit, []}].", "rabbitmq.config"), {})
