"""Where each setting's value comes from."""

import itertools

import pytest

from amqpbroker.server.config import Config, ConfigError, ConfiguredUser, load
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


THREE_PLACES = {"RABBITMQ_CONFIG_FILE": "one", "AMQPBROKER_CONFIG_FILE": "two", "flag": "three"}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_file_that_is_read_is_the_one_that_is_named_last(tmp_path, count):
    for name in THREE_PLACES.values():
        (tmp_path / f"{name}.conf").write_text(f"default_vhost = {name}\n")
    environment = {place: str(tmp_path / name) for place, name in list(THREE_PLACES.items())[:count]}
    flag = environment.pop("flag", None)
    assert load({"config_file": flag}, environment).vhost == list(THREE_PLACES.values())[count - 1]


def test_further_files_of_rabbitmq_overrule_its_first_and_no_other(tmp_path):
    for name, vhost in (("rabbitmq.conf", "first"), ("conf.d/10.conf", "ten"), ("conf.d/20.conf", "twenty")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"default_vhost = {vhost}\n")
    both = {"RABBITMQ_CONFIG_FILE": f"{tmp_path}/rabbitmq", "RABBITMQ_CONFIG_FILES": f"{tmp_path}/conf.d"}
    assert load({}, both).vhost == "twenty"
    assert load({"config_file": f"{tmp_path}/rabbitmq.conf"}, both).vhost == "first"
    assert load({}, both | {"RABBITMQ_CONFIG_FILES": f"{tmp_path}/conf.d/1*.conf"}).vhost == "ten"


def test_beside_a_file_in_yaml_those_of_rabbitmq_are_read_as_well(tmp_path):
    (tmp_path / "more.conf").write_text("heartbeat = 5\n")
    path = written(tmp_path, "{heartbeat_s: 7, vhost: orders}")["config_file"]
    config = load({}, {"RABBITMQ_CONFIG_FILE": str(path), "RABBITMQ_CONFIG_FILES": f"{tmp_path}/*.conf"})
    assert (config.heartbeat_s, config.vhost) == (5, "orders")


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
