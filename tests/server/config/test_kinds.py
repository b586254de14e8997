"""What a setting accepts, as text and in a file, and what is refused in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.access.passwords import SHA256, is_password
from amqpbroker.profiles import PROFILES
from amqpbroker.server.config import SETTINGS, ConfigError, ConfiguredUser, Setting, Watermark, load
from tests.helpers.configuration import refusal, written


def test_a_repeated_flag_is_a_list():
    config = load({"hosts": ["0.0.0.0", "::"], "users": ["anna:a", "bert:b:monitoring,management"]}, {})
    assert config.hosts == ("0.0.0.0", "::")
    assert config.users == (ConfiguredUser("anna", "a"), ConfiguredUser("bert", "b", ("monitoring", "management")))


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


def test_the_file_has_yamls_own_types(tmp_path):
    config = load(
        written(tmp_path, "{profile: 3.13, memory: yes, heartbeat_s: 0, hosts: [], unix_socket: /run/amqp}"), {}
    )
    assert (config.profile, config.memory, config.heartbeat_s) == (PROFILES["3.13"], True, 0)
    assert (config.hosts, config.unix_socket) == ((), "/run/amqp")


def test_only_the_file_can_hold_a_password_with_a_colon_or_a_blank(tmp_path):
    config = load(written(tmp_path, 'users: [{name: anna, password: "a: b", tags: [monitoring]}]'), {})
    assert config.users == (ConfiguredUser("anna", "a: b", ("monitoring",)),)


def test_what_a_user_may_do_stands_in_the_file_alone(tmp_path):
    (anna,) = load(written(tmp_path, "users: [{name: anna, password: a, permissions: {write: ^a}}]"), {}).users
    assert anna.permissions == (".*", "^a", ".*")
    for permissions in ("{write: '*'}", "{delete: .*}", "{read: 5}", "all"):
        user = f"users: [{{name: anna, password: a, permissions: {permissions}}}]"
        assert "users: the value is not a list of users" in refusal(written(tmp_path, user))


def test_a_path_may_start_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("USERPROFILE", "/home/anna")
    assert load({"ready_file": "~/ready"}, {}).ready_file == "/home/anna/ready"


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


def test_the_file_may_give_sizes_as_numbers(tmp_path):
    config = load(written(tmp_path, "{vm_memory_high_watermark: 0.5, disk_free_limit: 7}"), {})
    assert (config.vm_memory_high_watermark, config.disk_free_limit) == (Watermark(share=0.5), 7)
    assert (
        load(written(tmp_path, "vm_memory_high_watermark: 300MB"), {}).vm_memory_high_watermark.size_bytes
        == 300_000_000
    )


@pytest.mark.parametrize(
    "content", ["port: [1]", "port: true", "port: 1.5", "port:", "handshake_timeout_s: {}", "memory: 1", "vhost: 5",
                "hosts: 5", "hosts: [5]", "disk_free_limit: 1.5", "vm_memory_high_watermark: [1]",
                "disk_free_limit: true", "vm_memory_high_watermark: true", "vm_memory_high_watermark: 1.5",
                "data_dir: 5", "unix_socket: 5", "profile: 4", "log_level: []"],
)  # fmt: skip
def test_a_wrong_type_in_the_file_is_named_with_file_and_key(tmp_path, content):
    arguments = written(tmp_path, content)
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
def test_a_wrong_user_in_the_file_is_refused_without_its_password(tmp_path, user):
    text = refusal(written(tmp_path, f"users: [{user}]"))
    assert "users: the value is not a list of users" in text
    assert "s3cret" not in text


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


def test_a_node_has_a_name_with_or_without_a_machine():
    assert [load({"node_name": name}, {}).node_name for name in ("bunny", "bunny@there.org", "")] == [
        "bunny",
        "bunny@there.org",
        "",
    ]
    assert refusal({"node_name": "bunny@"}).startswith("--node-name: 'bunny@' is not a name as rabbit@host")


def test_the_name_of_the_brokers_own_programs_is_not_for_others() -> None:
    assert "is not a list of users" in refusal({"users": ["rmq-cli:x"]}, {})


def test_of_a_users_password_nothing_is_kept_but_its_hash():
    user = ConfiguredUser("anna", "secret")
    assert is_password(b"secret", user.password_hash, SHA256)
    assert not hasattr(user, "password")
    assert user == ConfiguredUser("anna", "secret") != ConfiguredUser("anna", "other")
    assert user.password_hash != ConfiguredUser("bert", "secret").password_hash
