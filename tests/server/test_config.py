"""Where each setting's value comes from, what is refused in which words, and the documents that follow the table."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.access import User
from amqpbroker.profiles import PROFILES
from amqpbroker.server.config import (
    SETTINGS,
    Config,
    ConfigError,
    Setting,
    Watermark,
    load,
    nearest,
    unknown_rabbitmq_variables,
)

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def written(tmp_path: Path):
    """Write a configuration file and give the arguments that name it."""

    def write(content: str | bytes, name: str = "amqpbroker.yml") -> dict[str, object]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return {"config_file": str(path)}

    return write


def refusal(arguments: dict[str, object], environment: dict[str, str] | None = None) -> str:
    """The one line that refuses these settings."""
    with pytest.raises(ConfigError) as refused:
        load(arguments, environment or {})
    assert "\n" not in str(refused.value)
    return str(refused.value)


# Which value wins


def test_without_any_setting_guest_is_served_on_this_machine_only():
    config = load({}, {"PATH": "/bin"})
    assert config == Config()
    assert (config.hosts, config.port) == (("127.0.0.1", "::1"), 5672)
    assert config.users == (User("guest", "guest", ("administrator",)),)
    assert (config.loopback_users, config.vhost) == (("guest",), "/")


PORT_BY_SOURCE = {"flag": 1001, "ours": 1002, "rabbitmq": 1003, "file": 1004}


@pytest.mark.parametrize(
    "sources", [some for count in range(1, 5) for some in itertools.combinations(PORT_BY_SOURCE, count)]
)
def test_the_flag_wins_then_our_variable_then_rabbitmqs_then_the_file(written, sources):
    arguments = written("port: 1004") if "file" in sources else {}
    arguments |= {"port": "1001"} if "flag" in sources else {}
    variables = {"ours": ("AMQPBROKER_PORT", "1002"), "rabbitmq": ("RABBITMQ_NODE_PORT", "1003")}
    environment = dict(variables[source] for source in sources if source in variables)
    assert load(arguments, environment).port == PORT_BY_SOURCE[sources[0]]


def test_an_empty_variable_counts_as_not_set():
    assert load({}, {"AMQPBROKER_PORT": "", "RABBITMQ_NODE_PORT": ""}) == Config()


def test_the_environment_can_name_the_file(written):
    path = str(written("vhost: orders")["config_file"])
    assert load({}, {"AMQPBROKER_CONFIG_FILE": path}).vhost == "orders"


def test_a_repeated_flag_is_a_list():
    config = load({"hosts": ["0.0.0.0", "::"], "users": ["anna:a", "bert:b:monitoring,management"]}, {})
    assert config.hosts == ("0.0.0.0", "::")
    assert config.users == (User("anna", "a"), User("bert", "b", ("monitoring", "management")))


def test_a_list_in_the_environment_is_separated_by_blanks():
    config = load({}, {"AMQPBROKER_HOSTS": "10.0.0.1 10.0.0.2", "AMQPBROKER_USERS": "anna:a bert:b"})
    assert config.hosts == ("10.0.0.1", "10.0.0.2")
    assert [user.name for user in config.users] == ["anna", "bert"]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [({"loopback_users": ["none"]}, {}), ({}, {"AMQPBROKER_LOOPBACK_USERS": "none"})],
)
def test_none_is_the_empty_list(arguments, environment):
    assert load(arguments, environment).loopback_users == ()


def test_the_file_has_yamls_own_types(written):
    config = load(written("{profile: 3.13, memory: yes, heartbeat_s: 0, hosts: [], unix_socket: /run/amqp}"), {})
    assert (config.profile, config.memory, config.heartbeat_s) == (PROFILES["3.13"], True, 0)
    assert (config.hosts, config.unix_socket) == ((), "/run/amqp")


def test_only_the_file_can_hold_a_password_with_a_colon_or_a_blank(written):
    config = load(written('users: [{name: anna, password: "a: b", tags: [monitoring]}]'), {})
    assert config.users == (User("anna", "a: b", ("monitoring",)),)


def test_an_empty_file_sets_nothing(written):
    assert load(written("# nothing yet\n"), {}).port == 5672


def test_a_path_may_start_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("USERPROFILE", "/home/anna")
    assert load({"ready_file": "~/ready"}, {}).ready_file == "/home/anna/ready"


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
    assert config.users == (User("anna", "p:w d", ("monitoring", "management")),)


def test_a_default_password_alone_is_that_of_guest():
    assert load({}, {"RABBITMQ_DEFAULT_PASS": "secret"}).users == (User("guest", "secret", ("administrator",)),)


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
def test_the_file_is_the_last_to_say_where_messages_are_kept(written, content, arguments, memory, data_dir):
    assert kept(written(content) | arguments, {}) == (memory, data_dir)


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


def test_the_file_cannot_ask_for_both(written):
    assert "amqpbroker.yml: memory and data_dir: messages are kept" in refusal(
        written("{memory: on, data_dir: /var/a}")
    )
    with pytest.raises(ConfigError, match="memory and data_dir: "):
        Config(memory=True, data_dir="/var/a")


@pytest.mark.parametrize(
    ("text", "watermark"),
    [
        ("0.6", Watermark(share=0.6)), ("0", Watermark(share=0.0)), ("1", Watermark(share=1.0)),
        ("1.0", Watermark(share=1.0)), (".5", Watermark(share=0.5)), ("2", Watermark(size_bytes=2)),
        ("512MB", Watermark(size_bytes=512_000_000)), ("2GiB", Watermark(size_bytes=2_147_483_648)),
    ],
)  # fmt: skip
def test_a_watermark_is_a_share_or_a_size(text, watermark):
    assert load({"vm_memory_high_watermark": text}, {}).vm_memory_high_watermark == watermark


@pytest.mark.parametrize(
    ("watermark", "size_bytes"),
    [
        (Watermark(share=0.25), 250),
        (Watermark(share=0.0), 0),
        (Watermark(size_bytes=300), 300),
        (Watermark(size_bytes=3_000), 1_000),
    ],
)
def test_a_watermark_is_never_more_than_the_memory_there_is(watermark, size_bytes):
    assert watermark.bytes_of(1_000) == size_bytes


def test_the_file_may_give_sizes_as_numbers(written):
    config = load(written("{vm_memory_high_watermark: 0.5, disk_free_limit: 7}"), {})
    assert (config.vm_memory_high_watermark, config.disk_free_limit) == (Watermark(share=0.5), 7)
    assert load(written("vm_memory_high_watermark: 300MB"), {}).vm_memory_high_watermark.size_bytes == 300_000_000


# What is refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "x"), ("port", "-1"), ("port", "65536"), ("port", "1.5"), ("port", ""), ("http_port", "-2"),
        ("metrics_port", "65536"), ("heartbeat_s", "65536"), ("channel_max", "0"), ("frame_max_bytes", "4095"),
        ("handshake_timeout_s", "0"), ("handshake_timeout_s", "nan"), ("handshake_timeout_s", "soon"),
        ("message_size_max_bytes", "536870913"), ("profile", "3.10"), ("log_level", "loud"), ("log_format", "xml"),
        ("vm_memory_high_watermark", "1.5"), ("vm_memory_high_watermark", "-1"), ("vm_memory_high_watermark", "60%"),
        ("disk_free_limit", "-1"), ("disk_free_limit", "1.5GB"), ("no_sync", "maybe"), ("data_dir", ""),
        ("memory", "perhaps"), ("vhost", ""), ("ready_file", ""), ("hosts", [""]),
    ],
)  # fmt: skip
def test_a_flags_wrong_value_is_named_with_what_is_right(name, value):
    setting = next(row for row in SETTINGS if row.name == name)
    assert (
        refusal({name: value}) == f"{setting.flag}: {value!r} is not {setting.kind.expects}; change it or leave it out"
    )


@pytest.mark.parametrize(
    "content", ["port: [1]", "port: true", "port: 1.5", "port:", "handshake_timeout_s: {}", "memory: 1", "vhost: 5",
                "hosts: 5", "hosts: [5]", "disk_free_limit: 1.5", "vm_memory_high_watermark: [1]",
                "disk_free_limit: true", "vm_memory_high_watermark: true", "vm_memory_high_watermark: 1.5",
                "data_dir: 5", "unix_socket: 5", "profile: 4", "log_level: []"],
)  # fmt: skip
def test_a_wrong_type_in_the_file_is_named_with_file_and_key(written, content):
    arguments = written(content)
    where = f"{arguments['config_file']}: {content.partition(':')[0]}: "
    assert refusal(arguments).startswith(where)


@pytest.mark.parametrize(
    "users", ["anna", ":secret", "anna:secret:tag:more", "anna:secret anna:secret", "anna:secret bert"]
)
def test_a_wrong_user_is_refused_without_its_password(users):
    text = refusal({}, {"AMQPBROKER_USERS": users})
    assert text.startswith("AMQPBROKER_USERS: the value is not a list of users")
    assert "secret" not in text


@pytest.mark.parametrize("user", ["{name: a}", "{name: a, password: s3cret, role: x}", "5", "{name: a, password: 5}"])
def test_a_wrong_user_in_the_file_is_refused_without_its_password(written, user):
    text = refusal(written(f"users: [{user}]"))
    assert "users: the value is not a list of users" in text
    assert "s3cret" not in text


def test_an_unknown_key_names_the_nearest(written):
    arguments = written("heartbeat: 5")
    assert refusal(arguments) == f"{arguments['config_file']}: unknown setting heartbeat; did you mean heartbeat_s?"


def test_an_unknown_variable_of_ours_names_the_nearest():
    assert refusal({}, {"AMQPBROKER_USER": "a:b"}).endswith("AMQPBROKER_USER; did you mean AMQPBROKER_USERS?")


def test_a_file_cannot_name_another(written):
    assert "unknown setting config_file" in refusal(written("config_file: other.yml"))


def test_a_word_like_none_other_gets_the_list():
    assert nearest("zzz", ["serve", "version"]) == "known are serve, version"


def test_a_kubernetes_service_of_our_name_is_explained():
    assert "enableServiceLinks: false" in refusal({}, {"AMQPBROKER_PORT": "tcp://10.0.0.1:5672"})


@pytest.mark.parametrize("content", ["listeners.tcp.default = 5672\nheartbeat = 30\n", "- port\n", "5672"])
def test_a_file_that_is_no_mapping_says_that_rabbitmq_conf_is_not_read_yet(written, content):
    text = refusal(written(content, "rabbitmq.conf"))
    assert "rabbitmq.conf: is not a YAML mapping of settings" in text
    assert "rabbitmq.conf is not read yet" in text


def test_a_fault_of_the_yaml_is_named_with_its_line(written):
    assert "amqpbroker.yml, line 3: is not YAML (" in refusal(written("port: 1\nhosts: [\n"))


def test_a_file_that_is_not_text_is_refused(written):
    assert "is not YAML" in refusal(written(b"port: \xff\xfe"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nowhere.yml"
    assert refusal({"config_file": str(path)}).startswith(f"{path}: cannot be read (No such file or directory)")


def test_a_directory_is_not_a_file(tmp_path):
    assert refusal({"config_file": str(tmp_path)}).startswith(f"{tmp_path}: cannot be read (")


def test_a_broker_that_listens_nowhere_is_refused():
    assert refusal({"hosts": ["none"]}).startswith("hosts: there is nothing to listen on")
    assert load({"hosts": ["none"], "unix_socket": "/run/amqp"}, {}).hosts == ()


def test_a_frame_smaller_than_the_profile_allows_is_refused():
    assert refusal({"frame_max_bytes": "4096"}).startswith("frame_max_bytes: 4096 is less than 8192")
    assert load({"frame_max_bytes": "4096", "profile": "3.13"}, {}).frame_max_bytes == 4096


def test_the_largest_message_is_the_profiles_unless_set():
    assert load({}, {}).message_size_max_bytes == 16_777_216
    assert load({"profile": "3.13"}, {}).message_size_max_bytes == 134_217_728
    assert load({"profile": "3.13", "message_size_max_bytes": "5"}, {}).message_size_max_bytes == 5


def test_the_text_of_a_configuration_has_no_password():
    assert "secret" not in repr(Config(users=(User("anna", "secret"),)))


@given(st.sampled_from(SETTINGS), st.text())
def test_any_text_is_a_value_or_refused(setting: Setting, text: str):
    try:
        setting.read(text, "here")
    except ConfigError as refused:
        assert str(refused).startswith("here: ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "password", "tags"]), inner),
)


@given(st.sampled_from(SETTINGS), json_values)
def test_any_value_of_a_file_is_a_value_or_refused(setting: Setting, value: object):
    try:
        setting.read(value, "here")
    except ConfigError as refused:
        assert str(refused).startswith("here: ")


# The documents


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_default_in_text_gives_the_default(setting):
    if setting.default_text:
        assert setting.read(setting.default_text, "here") == setting.default


def test_the_example_file_shows_every_setting_with_its_sentence():
    entries = []
    for setting in SETTINGS:
        if setting.in_file:
            default = json.dumps(setting.default_text.split()) if setting.kind.several else setting.default_text
            entries.append(f"# {setting.sentence}\n{setting.name}: {default}".rstrip() + "\n")
    head = (PROJECT / "conf/amqpbroker.yml").read_text(encoding="utf-8").partition("\n\n")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert (PROJECT / "conf/amqpbroker.yml").read_text(encoding="utf-8") == "\n".join([head + "\n", *entries])


def test_the_example_file_sets_the_defaults():
    config = load({"config_file": str(PROJECT / "conf/amqpbroker.yml")}, {})
    assert config == Config(config_file=config.config_file)


def test_the_documentation_lists_every_setting():
    rows = []
    for setting in SETTINGS:
        variables = f"`{setting.environment}`" + (f", `{setting.rabbitmq}`" if setting.rabbitmq else "")
        key = f"`{setting.name}`" if setting.in_file else "–"
        default = f"`{setting.default_text}`" if setting.default_text else "–"
        rows.append(f"| {key} | `{setting.flag}` | {variables} | {default} | {setting.sentence} |")
    lines = (PROJECT / "docs/configuration.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| ") and "`--" in line] == rows
