"""Where each setting's value comes from."""

import itertools

import pytest

from amqpbroker.server.config import Config, ConfigError, ConfiguredUser, load, unknown_rabbitmq_variables
from tests.helpers.configuration import refusal, written

# Which value wins


def test_without_any_setting_guest_is_served_on_this_machine_only():
    config = load({}, {"PATH": "/bin"})
    assert config == Config()
    assert (config.hosts, config.port) == (("127.0.0.1", "::1"), 5672)
    assert config.users == (ConfiguredUser("guest", "guest", ("administrator",)),)
    assert (config.loopback_users, config.vhost) == (("guest",), "/")


PORT_BY_SOURCE = {"flag": 1001, "ours": 1002, "rabbitmq": 1003, "file": 1004}


@pytest.mark.parametrize(
    "sources", [some for count in range(1, 5) for some in itertools.combinations(PORT_BY_SOURCE, count)]
)
def test_the_flag_wins_then_our_variable_then_rabbitmqs_then_the_file(tmp_path, sources):
    arguments = written(tmp_path, "port: 1004") if "file" in sources else {}
    arguments |= {"port": "1001"} if "flag" in sources else {}
    variables = {"ours": ("AMQPBROKER_PORT", "1002"), "rabbitmq": ("RABBITMQ_NODE_PORT", "1003")}
    environment = dict(variables[source] for source in sources if source in variables)
    assert load(arguments, environment).port == PORT_BY_SOURCE[sources[0]]


def test_an_empty_variable_counts_as_not_set():
    assert load({}, {"AMQPBROKER_PORT": "", "RABBITMQ_NODE_PORT": ""}) == Config()


def test_the_environment_can_name_the_file(tmp_path):
    path = str(written(tmp_path, "vhost: orders")["config_file"])
    assert load({}, {"AMQPBROKER_CONFIG_FILE": path}).vhost == "orders"


# RabbitMQ's variables


def test_rabbitmqs_own_variables_are_honoured():
    config = load(
        {},
        {
            "RABBITMQ_NODE_IP_ADDRESS": "0.0.0.0",
            "RABBITMQ_NODE_PORT": "5673",
            "RABBITMQ_DEFAULT_VHOST": "orders",
            "RABBITMQ_DEFAULT_USER": "anna",
            "RABBITMQ_DEFAULT_PASS": "p:w d",
            "RABBITMQ_DEFAULT_USER_TAGS": "monitoring, management",
        },
    )
    assert (config.hosts, config.port, config.vhost) == (("0.0.0.0",), 5673, "orders")
    assert config.users == (ConfiguredUser("anna", "p:w d", ("monitoring", "management")),)


def test_a_default_password_alone_is_that_of_guest():
    assert load({}, {"RABBITMQ_DEFAULT_PASS": "secret"}).users == (
        ConfiguredUser("guest", "secret", ("administrator",)),
    )


def test_only_rabbitmqs_variables_that_mean_nothing_here_are_unknown():
    environment = {"RABBITMQ_NODE_PORT": "1", "RABBITMQ_VERSION": "4", "RABBITMQ_HOME": "/", "RABBIT": "x", "PATH": ""}
    assert unknown_rabbitmq_variables(environment) == ["RABBITMQ_HOME", "RABBITMQ_VERSION"]
    assert load({}, environment).port == 1


# Where messages are kept, and how many


def kept(arguments: dict[str, object], environment: dict[str, str]) -> tuple[bool, str | None]:
    config = load(arguments, environment)
    return config.memory, config.data_dir


@pytest.mark.parametrize(
    ("higher", "lower", "memory", "data_dir"),
    [
        ({"data_dir": "/var/a"}, {"AMQPBROKER_MEMORY": "true"}, False, "/var/a"),
        ({"memory": "true"}, {"AMQPBROKER_DATA_DIR": "/var/b"}, True, None),
        ({"memory": "true"}, {"RABBITMQ_MNESIA_DIR": "/var/c"}, True, None),
        ({"data_dir": "/var/a"}, {"AMQPBROKER_DATA_DIR": "/var/b"}, False, "/var/a"),
        ({}, {"AMQPBROKER_MEMORY": "true", "RABBITMQ_MNESIA_DIR": "/var/c"}, True, None),
        ({}, {"AMQPBROKER_MEMORY": "false", "RABBITMQ_MNESIA_DIR": "/var/c"}, False, "/var/c"),
        ({}, {"AMQPBROKER_DATA_DIR": "/var/b", "RABBITMQ_MNESIA_DIR": "/var/c"}, False, "/var/b"),
        ({}, {}, False, None),
    ],
)
def test_memory_and_a_directory_outdo_each_other_by_where_they_stand(higher, lower, memory, data_dir):
    assert kept(higher, lower) == (memory, data_dir)


@pytest.mark.parametrize(
    ("content", "arguments", "memory", "data_dir"),
    [
        ("memory: true", {"data_dir": "/var/a"}, False, "/var/a"),
        ("data_dir: /var/a", {"memory": "true"}, True, None),
        ("{data_dir: /var/a, memory: false}", {}, False, "/var/a"),
        ("{data_dir: , memory: true}", {}, True, None),
    ],
)
def test_the_file_is_the_last_to_say_where_messages_are_kept(tmp_path, content, arguments, memory, data_dir):
    assert kept(written(tmp_path, content) | arguments, {}) == (memory, data_dir)


@pytest.mark.parametrize(
    ("arguments", "environment", "names"),
    [
        ({"memory": "true", "data_dir": "/var/a"}, {}, "--memory and --data-dir"),
        (
            {},
            {"AMQPBROKER_MEMORY": "true", "AMQPBROKER_DATA_DIR": "/var/a"},
            "AMQPBROKER_MEMORY and AMQPBROKER_DATA_DIR",
        ),
    ],
)
def test_one_place_cannot_ask_for_both(arguments, environment, names):
    assert refusal(arguments, environment) == f"{names}: messages are kept in one place; leave one of them out"


def test_the_file_cannot_ask_for_both(tmp_path):
    assert "amqpbroker.yml: memory and data_dir: messages are kept" in refusal(
        written(tmp_path, "{memory: on, data_dir: /var/a}")
    )
    with pytest.raises(ConfigError, match="memory and data_dir: "):
        Config(memory=True, data_dir="/var/a")


# What is refused


def test_an_unknown_key_names_the_nearest(tmp_path):
    arguments = written(tmp_path, "heartbeat: 5")
    assert refusal(arguments) == f"{arguments['config_file']}: unknown setting heartbeat; did you mean heartbeat_s?"


def test_an_unknown_variable_of_ours_names_the_nearest():
    assert refusal({}, {"AMQPBROKER_USER": "a:b"}).endswith("AMQPBROKER_USER; did you mean AMQPBROKER_USERS?")


def test_a_file_cannot_name_another(tmp_path):
    assert "unknown setting config_file" in refusal(written(tmp_path, "config_file: other.yml"))


# The documents
