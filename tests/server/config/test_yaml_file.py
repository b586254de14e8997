"""The configuration file in YAML: what it may be, and how a fault in it is named."""

import pytest

from amqpbroker.server.config import load
from tests.helpers.configuration import refusal, written


def test_an_empty_file_sets_nothing(tmp_path):
    assert load(written(tmp_path, "# nothing yet\n"), {}).port == 5672


@pytest.mark.parametrize("content", ["- port\n", "5672"])
def test_a_file_that_is_no_mapping_says_what_it_may_be(tmp_path, content):
    text = refusal(written(tmp_path, content))
    assert "amqpbroker.yml: is not a YAML mapping of settings" in text
    assert "`key = value` in a file named *.conf" in text


def test_a_fault_of_the_yaml_is_named_with_its_line(tmp_path):
    assert "amqpbroker.yml, line 3: is not YAML (" in refusal(written(tmp_path, "port: 1\nhosts: [\n"))


def test_a_file_that_is_not_text_is_refused(tmp_path):
    assert "is not YAML" in refusal(written(tmp_path, b"port: \xff\xfe"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nowhere.yml"
    assert refusal({"config_file": str(path)}).startswith(f"{path}: cannot be read (No such file or directory)")
