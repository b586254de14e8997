"""The lines of a rabbitmq.conf while they are read."""

import pytest

from amqpbroker.server.config import ConfigError
from amqpbroker.server.config.conf_format import Line
from amqpbroker.server.config.conf_lines import ConfLines


def conf_lines(**values: str) -> ConfLines:
    lines = [Line(tuple(name.split("_")), value, "rabbitmq.conf, line 1") for name, value in values.items()]
    return ConfLines({line.key: line for line in lines})


def test_what_is_taken_is_seen_to():
    conf = conf_lines(log_a_level="x", log_b_level="y", log_dir="z")
    assert [line.value for line in conf.take("log.$name.level")] == ["x", "y"]
    assert [line.value for line in conf.left] == ["z"]
    assert conf.take("log.$name.level") == []


def test_of_some_values_the_others_are_left():
    conf = conf_lines(tls_versions_1="new", tls_versions_2="old")
    assert [line.value for line in conf.take("tls.versions.$number", "new", "newer")] == ["new"]
    assert [line.value for line in conf.left] == ["old"]


def test_of_several_patterns_the_first_counts_and_all_are_seen_to():
    conf = conf_lines(b="second", a="first")
    found = conf.one("a", "b", "c")
    assert found is not None
    assert found.value == "first"
    assert list(conf.left) == []
    assert conf.one("a") is None


def test_an_encrypted_value_is_refused_without_it():
    with pytest.raises(ConfigError) as refused:
        conf_lines(pass_word="encrypted:abc").take("pass.word")
    text = str(refused.value)
    assert text.startswith("rabbitmq.conf, line 1: pass.word: encrypted values are not read here")
    assert "abc" not in text
