"""Definitions from files, when the broker starts."""

import json
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.files import load_definitions
from tests.helpers.definitions import empty_server


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def fault(path: str) -> str:
    server = empty_server()
    with pytest.raises(DefinitionsError) as raised:
        load_definitions(server.broker, path)
    assert not server.log.is_recording
    return raised.value.reason


def test_a_file_is_declared(tmp_path: Path):
    server = empty_server()
    load_definitions(server.broker, write(tmp_path / "definitions.json", {"vhosts": [{"name": "a"}]}))
    assert set(server.broker.vhosts) == {"/", "a"}


def test_the_files_of_a_directory_build_on_each_other(tmp_path: Path):
    write(tmp_path / "20.json", {"vhosts": [{"name": "a"}]})
    write(tmp_path / "10.json", {"queues": [{"vhost": "a", "name": "q"}]})
    (tmp_path / "notes.txt").write_text("not read")
    server = empty_server()
    load_definitions(server.broker, str(tmp_path))
    assert set(server.broker.vhosts["a"].queues) == {"q"}


def test_a_fault_is_named_with_its_file_and_nothing_of_any_file_is_declared(tmp_path: Path):
    write(tmp_path / "10.json", {"vhosts": [{"name": "a"}]})
    second = write(tmp_path / "20.json", {"queues": [{"vhost": "a"}]})
    assert fault(str(tmp_path)) == f"{second}: queues[0].name: is missing"


@pytest.mark.parametrize(
    ("content", "text"),
    [("[]", "is not a JSON object"), ("{", "is not JSON: "), ('{"users": {}}', "users: is not a list")],
)
def test_a_file_that_is_no_definitions_is_named(tmp_path: Path, content: str, text: str):
    path = tmp_path / "definitions.json"
    path.write_text(content)
    assert fault(str(path)).startswith(f"{path}: {text}")


def test_a_file_that_is_not_there_and_a_directory_without_any_are_named(tmp_path: Path):
    assert fault(str(tmp_path / "none.json")) == f"{tmp_path}/none.json: cannot be read (No such file or directory)"
    assert fault(str(tmp_path)) == f"{tmp_path}: there is no file named *.json in it"
