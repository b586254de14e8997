"""The table of settings, and the documents that follow it."""

import json
from pathlib import Path

from amqpbroker.server.config import SETTINGS, Config, ConfiguredUser, load

PROJECT = Path(__file__).parents[3]


def test_the_largest_message_is_the_profiles_unless_set():
    assert load({}, {}).message_size_max_bytes == 16_777_216
    assert load({"profile": "3.13"}, {}).message_size_max_bytes == 134_217_728
    assert load({"profile": "3.13", "message_size_max_bytes": "5"}, {}).message_size_max_bytes == 5


def test_the_text_of_a_configuration_has_no_password():
    assert "secret" not in repr(Config(users=(ConfiguredUser("anna", "secret"),), tls_key_password="secret"))


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
