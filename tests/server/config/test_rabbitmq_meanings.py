"""What the keys of a rabbitmq.conf mean here."""

from pathlib import Path
from typing import Any

import pytest

from amqpbroker.server.config import ConfiguredUser, Watermark, load
from tests.helpers.configuration import conf, refusal


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("heartbeat = 0", "heartbeat_s", 0),
        ("frame_max = 128KB", "frame_max_bytes", 131_072),
        ("frame_max = 0", "frame_max_bytes", 16_777_216),
        ("channel_max = 0", "channel_max", 65_535),
        ("max_channels_per_connection = 16", "channel_max", 16),
        ("handshake_timeout = 2500", "handshake_timeout_s", 2.5),
        ("handshake_timeout = infinity", "handshake_timeout_s", 3_600),
        ("consumer_timeout = 31622400000", "consumer_timeout", 31_622_400_000),
        ("max_message_size = 134217728", "message_size_max_bytes", 134_217_728),
        ("default_vhost = orders", "vhost", "orders"),
        ("default_queue_type = quorum", "default_queue_type", "quorum"),
        ("cluster_name = all of it", "cluster_name", "all of it"),
        ("prometheus.tcp.port = 2", "metrics_port", 2),
        ("prometheus.tcp.ip = 10.0.0.1", "metrics_addresses", ("10.0.0.1",)),
        ("vm_memory_high_watermark.relative = 1.5", "vm_memory_high_watermark", Watermark(share=1.0)),
        ("vm_memory_high_watermark.absolute = 1", "vm_memory_high_watermark", Watermark(size_bytes=1)),
        ("disk_free_limit.absolute = 50MiB", "disk_free_limit", 52_428_800),
        ("log.default.level = critical", "log_level", "error"),
        ("log.console.formatter = json", "log_format", "json"),
        ("log.exchange = true", "log_exchange", "true"),
        ("message_interceptors.incoming.set_header_timestamp.overwrite = false", "set_header_timestamp", "keep"),
        ("loopback_users = none", "loopback_users", ()),
        ("loopback_users.guest = false", "loopback_users", ()),
        (r"loopback_users.a\.b = true", "loopback_users", ("a.b",)),
    ],
)
def test_a_key_sets(tmp_path: Path, line: str, name: str, value: Any):
    assert getattr(load(conf(tmp_path, line), {}), name) == value


def test_the_listener_gives_port_and_addresses(tmp_path: Path):
    config = load(conf(tmp_path, "listeners.tcp.1 = 10.0.0.1:5673\nlisteners.tcp.2 = [::1]:5673"), {})
    assert (config.hosts, config.port) == (("10.0.0.1", "::1"), 5673)


def test_a_port_alone_does_not_open_the_broker_to_others(tmp_path: Path):
    config = load(conf(tmp_path, "listeners.tcp.default = 5673"), {})
    assert (config.hosts, config.port) == (("127.0.0.1", "::1"), 5673)


def test_both_listeners_may_have_the_same_addresses(tmp_path: Path):
    text = "listeners.tcp.1 = ::1:5672\nlisteners.ssl.1 = ::1:5671\nlisteners.ssl.2 = 10.0.0.1:5671\n"
    config = load(conf(tmp_path, text + "ssl_options.certfile = a"), {})
    assert (config.hosts, config.port, config.tls_port) == (("::1", "10.0.0.1"), 5672, 5671)


def test_two_ports_are_one_too_many(tmp_path: Path):
    text = refusal(conf(tmp_path, "listeners.tcp.1 = 10.0.0.1:5673\nlisteners.tcp.2 = ::1:5674"))
    assert "line 2: listeners.tcp.2: every address has one port here" in text


def test_no_plain_listener_leaves_that_of_tls_or_nothing_to_listen_on(tmp_path: Path):
    text = "listeners.tcp = none\nlisteners.ssl.1 = 10.0.0.1:5671\nssl_options.certfile = /etc/cert.pem"
    config = load(conf(tmp_path, text), {})
    assert (config.port, config.tls_port, config.hosts) == (-1, 5671, ("10.0.0.1",))
    assert "there is nothing to listen on" in refusal(conf(tmp_path, "listeners.tcp = none"))
    assert "name the listener as in listeners.tcp.default" in refusal(conf(tmp_path, "listeners.tcp = 5672"))


def test_an_absolute_bound_wins_over_a_relative_one(tmp_path: Path):
    config = load(
        conf(
            tmp_path,
            "vm_memory_high_watermark.absolute = 1GB\nvm_memory_high_watermark.relative = 0.5\n"
            "disk_free_limit.absolute = 1GB\ndisk_free_limit.relative = 1.0",
        ),
        {},
    )
    assert config.vm_memory_high_watermark == Watermark(size_bytes=1_000_000_000)
    assert config.disk_free_limit == 1_000_000_000


def test_a_relative_bound_of_the_disk_is_of_the_memory(tmp_path: Path):
    whole = load(conf(tmp_path, "disk_free_limit.relative = 1.0"), {}).disk_free_limit
    half = load(conf(tmp_path, "disk_free_limit.relative = 0.5"), {}).disk_free_limit
    assert whole > 0
    assert abs(whole - 2 * half) <= 1


@pytest.mark.parametrize("share", ["nan", "inf", "-1", "much"])
def test_a_share_is_a_number(tmp_path: Path, share: str):
    assert f"{share!r} is not a share" in refusal(conf(tmp_path, f"vm_memory_high_watermark.relative = {share}"))


def test_the_log_of_the_exchange_has_a_level_of_its_own(tmp_path: Path):
    config = load(conf(tmp_path, "log.exchange = true\nlog.exchange.level = error\nlog.file.level = debug"), {})
    assert (config.log_exchange, config.log_level) == ("error", "debug")
    assert load(conf(tmp_path, "log.exchange = false\nlog.exchange.level = error"), {}).log_exchange == "false"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("log.file = /var/log/a.log", "/var/log/a.log"),
        ("log.file = a.log\nlog.dir = /var/log", "/var/log/a.log"),
        ("log.dir = /var/log", "/var/log/rabbit@here.log"),
        ("log.file = false\nlog.dir = /var/log", None),
        ("log.dir = /var/log\nlog.console = true", "/var/log/rabbit@here.log"),
    ],
)
def test_the_log_goes_to_a_file_if_one_is_named(tmp_path: Path, text: str, path: str | None):
    assert load(conf(tmp_path, text), {"RABBITMQ_NODENAME": "rabbit@here"}).log_file == path


def test_the_first_user_has_what_is_said_and_guest_s_for_the_rest(tmp_path: Path):
    text = "default_user = anna\ndefault_user_tags.monitoring = true\ndefault_user_tags.management = false\n"
    assert load(conf(tmp_path, text + "default_permissions.write = ^a"), {}).users == (
        ConfiguredUser("anna", "guest", ("monitoring",), (".*", "^a", ".*")),
    )
    assert "'*' is not a regular expression" in refusal(conf(tmp_path, "default_permissions.read = *"))


def test_the_environment_says_the_rest_of_the_first_user(tmp_path: Path):
    config = load(conf(tmp_path, "default_user = anna\ndefault_pass = a"), {"RABBITMQ_DEFAULT_PASS": "b"})
    assert config.users == (ConfiguredUser("anna", "b", ("administrator",)),)


def test_users_of_ours_leave_out_the_first_user(tmp_path: Path):
    config = load(conf(tmp_path, "default_user = anna"), {"AMQPBROKER_USERS": "bert:b"})
    assert [user.name for user in config.users] == ["bert"]


def test_no_password_is_repeated(tmp_path: Path):
    assert "s3cret" not in refusal(conf(tmp_path, "default_pass = encrypted:s3cret"))
    assert "s3cret" not in refusal(conf(tmp_path, "default_passs = s3cret"))
