"""The table of settings, and the documents that follow it."""

import json
from pathlib import Path

import pytest

from amqpbroker.server.config import SETTINGS, Config, ConfiguredUser, load
from tests.helpers.configuration import refusal

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "x"), ("port", "-2"), ("port", "65536"), ("port", "1.5"), ("port", ""), ("http_port", "-2"),
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


def test_a_kubernetes_service_of_our_name_is_explained():
    assert "enableServiceLinks: false" in refusal({}, {"AMQPBROKER_PORT": "tcp://10.0.0.1:5672"})


def test_a_broker_that_listens_nowhere_is_refused():
    assert refusal({"hosts": ["none"]}).startswith("hosts: there is nothing to listen on")
    assert refusal({"port": "-1"}).startswith("hosts: there is nothing to listen on")
    assert load({"hosts": ["none"], "unix_socket": "/run/amqp"}, {}).hosts == ()


def test_a_frame_smaller_than_the_profile_allows_is_refused():
    assert refusal({"frame_max_bytes": "4096"}).startswith("frame_max_bytes: 4096 is less than 8192")
    assert load({"frame_max_bytes": "4096", "profile": "3.13"}, {}).frame_max_bytes == 4096


def test_the_largest_message_is_the_profiles_unless_set():
    assert load({}, {}).message_size_max_bytes == 16_777_216
    assert load({"profile": "3.13"}, {}).message_size_max_bytes == 134_217_728
    assert load({"profile": "3.13", "message_size_max_bytes": "5"}, {}).message_size_max_bytes == 5


def test_the_text_of_a_configuration_has_no_password():
    assert "secret" not in repr(Config(users=(ConfiguredUser("anna", "secret"),), tls_key_password="secret"))


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
