"""A row of the table of settings: what it refuses in which words, and how its value is written."""

import pytest

from amqpbroker.server.config import SETTINGS
from tests.helpers.configuration import refusal


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


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_default_in_text_gives_the_default(setting):
    if setting.default_text:
        assert setting.read(setting.default_text, "here") == setting.default
