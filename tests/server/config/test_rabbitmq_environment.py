"""RabbitMQ's own environment variables."""

from pathlib import Path

import pytest

from amqpbroker.server.config import ConfiguredUser, load
from amqpbroker.server.identity import node_name
from tests.helpers.configuration import refusal


def warnings_of(environment: dict[str, str]) -> list[str]:
    warnings: list[str] = []
    load({}, environment, warnings.append)
    return warnings


def test_rabbitmqs_own_variables_are_honoured():
    config = load(
        {},
        {
            "RABBITMQ_NODE_IP_ADDRESS": "0.0.0.0",
            "RABBITMQ_NODE_PORT": "5673",
            "RABBITMQ_NODENAME": "bunny",
            "RABBITMQ_DEFAULT_VHOST": "orders",
            "RABBITMQ_DEFAULT_USER": "anna",
            "RABBITMQ_DEFAULT_PASS": "p:w d",
            "RABBITMQ_DEFAULT_USER_TAGS": "monitoring, management",
        },
    )
    assert (config.hosts, config.port, config.vhost) == (("0.0.0.0",), 5673, "orders")
    assert config.node_name == "bunny"
    assert config.users == (ConfiguredUser("anna", "p:w d", ("monitoring", "management")),)


def test_a_default_password_alone_is_that_of_guest():
    guest = (ConfiguredUser("guest", "secret", ("administrator",)),)
    assert load({}, {"RABBITMQ_DEFAULT_PASS": "secret"}).users == guest


def test_an_address_may_be_the_usual_one():
    assert load({}, {"RABBITMQ_NODE_IP_ADDRESS": "auto"}).hosts == ("127.0.0.1", "::1")


def test_tags_alone_make_no_user():
    assert load({}, {"RABBITMQ_DEFAULT_USER_TAGS": "monitoring"}).users == load({}, {}).users


def test_the_first_user_may_come_from_files(tmp_path: Path):
    environment = {}
    for part, content in (("USER", "anna\n"), ("PASS", "s3 cret\n"), ("USER_TAGS", "management\n")):
        (tmp_path / part).write_text(content)
        environment[f"RABBITMQ_DEFAULT_{part}_FILE"] = str(tmp_path / part)
    assert load({}, environment).users == (ConfiguredUser("anna", "s3 cret", ("management",)),)
    assert "given twice" in refusal({}, environment | {"RABBITMQ_DEFAULT_USER": "bert"})


@pytest.mark.parametrize(
    ("environment", "data_dir"),
    [
        ({"RABBITMQ_MNESIA_BASE": "/var/a", "RABBITMQ_NODENAME": "bunny@here"}, "/var/a/bunny@here"),
        ({"RABBITMQ_MNESIA_BASE": "/var/a", "RABBITMQ_MNESIA_DIR": "/var/b"}, "/var/b"),
        ({"RABBITMQ_MNESIA_BASE": "/var/a", "AMQPBROKER_MEMORY": "true"}, None),
    ],
)
def test_the_data_directory_is_the_node_s_in_its_base(environment: dict[str, str], data_dir: str | None):
    assert load({}, environment).data_dir == data_dir


@pytest.mark.parametrize(
    ("environment", "log_file"),
    [
        ({"RABBITMQ_LOGS": "-"}, None),
        ({"RABBITMQ_LOGS": "/var/a.log", "RABBITMQ_LOG_BASE": "/log"}, "/var/a.log"),
        ({"RABBITMQ_LOG_BASE": "/log", "RABBITMQ_NODENAME": "bunny"}, f"/log/{node_name('bunny')}.log"),
        ({"RABBITMQ_LOG_BASE": "/log", "RABBITMQ_LOGS": "-"}, None),
        ({}, None),
    ],
)
def test_the_log_goes_where_it_would_go(environment: dict[str, str], log_file: str | None):
    assert load({}, environment).log_file == log_file


def test_the_log_has_the_level_and_the_format_that_are_asked_for():
    config = load({}, {"RABBITMQ_LOG": "debug,+json,connection=error"})
    assert (config.log_level, config.log_format) == ("debug", "json")
    assert load({}, {"RABBITMQ_LOG": "critical,-json"}).log_level == "error"


def test_a_variable_that_means_nothing_here_is_told_in_one_line():
    environment = {
        "RABBITMQ_NODE_PORT": "1", "RABBITMQ_VERSION": "4", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-x", "PATH": ""
    }  # fmt: skip
    assert warnings_of(environment) == [
        "these environment variables mean nothing here: RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS, RABBITMQ_VERSION"
    ]
    assert load({}, environment).port == 1


def test_plugins_that_are_not_there_are_told_and_none_is_switched_off(tmp_path: Path):
    path = tmp_path / "enabled_plugins"
    path.write_text("% [rabbitmq_old].\n[rabbitmq_shovel,rabbitmq_consistent_hash_exchange,\n rabbitmq_mqtt].\n")
    environment = {"RABBITMQ_ENABLED_PLUGINS_FILE": str(path)}
    assert warnings_of(environment) == ["these plugins of RabbitMQ are not there: rabbitmq_mqtt, rabbitmq_shovel"]
    config = load({}, environment)
    assert (config.http_port, config.metrics_port) == (15672, 15692)


def test_a_file_of_plugins_that_is_not_there_enables_none(tmp_path: Path):
    assert warnings_of({"RABBITMQ_ENABLED_PLUGINS_FILE": str(tmp_path / "nothing")}) == []
    assert "cannot be read" in refusal({}, {"RABBITMQ_ENABLED_PLUGINS_FILE": str(tmp_path)})


def test_the_node_is_called_after_the_machine_unless_it_is_told():
    config = load({}, {"RABBITMQ_MNESIA_BASE": "/var/a"})
    assert config.data_dir == f"/var/a/{node_name()}"
