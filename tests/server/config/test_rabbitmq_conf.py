"""A rabbitmq.conf as a whole: what it sets, what it is warned of, what is refused."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from amqpbroker.server.config import Config, ConfigError, ConfiguredUser, Watermark, load
from tests.helpers.configuration import conf, refusal

OF_A_PRODUCTION = """
## as one has it in production
listeners.tcp.default = 0.0.0.0:5673
heartbeat = 30
vm_memory_high_watermark.relative = 0.4   # of the machine
disk_free_limit.absolute = 2GB
default_user = anna
default_pass = 'p#ss'
log.console.level = warning
log.file.rotation.date = $D0
cluster_formation.peer_discovery_backend = k8s
cluster_partition_handling = pause_minority
auth_backends.1 = internal
management.tcp.port = 15673
"""


def test_the_file_of_a_production_starts_this_broker_and_what_it_cannot_do_is_told(tmp_path: Path):
    warnings: list[str] = []
    config = load(conf(tmp_path, OF_A_PRODUCTION), {}, warnings.append)
    assert (config.hosts, config.port, config.heartbeat_s, config.http_port) == (("0.0.0.0",), 5673, 30, 15673)
    assert (config.vm_memory_high_watermark, config.disk_free_limit) == (Watermark(share=0.4), 2_000_000_000)
    assert config.users == (ConfiguredUser("anna", "p#ss", ("administrator",)),)
    assert config.log_level == "warning"
    path = tmp_path / "rabbitmq.conf"
    assert warnings == [
        "these keys of rabbitmq.conf mean nothing here: "
        f"log.file.rotation.date ({path}, line 10), cluster_formation.peer_discovery_backend ({path}, line 11), "
        f"cluster_partition_handling ({path}, line 12)"
    ]


def test_a_key_that_nobody_knows_is_refused_with_its_line_and_the_nearest(tmp_path: Path):
    arguments = conf(tmp_path, "heartbeat = 30\nlisteners.tpc.default = 5672\n")
    assert refusal(arguments) == (
        f"{tmp_path}/rabbitmq.conf, line 2: unknown key listeners.tpc.default; did you mean listeners.tcp?"
    )


def test_what_is_so_anyway_needs_no_warning(tmp_path: Path):
    warnings: list[str] = []
    assert load(conf(tmp_path, "log.console = true\n# no more"), {}, warnings.append).log_file is None
    assert warnings == []


def test_a_file_that_says_nothing_changes_nothing(tmp_path: Path):
    arguments = conf(tmp_path, "")
    assert load(arguments, {}) == Config(config_file=str(arguments["config_file"]))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("heartbeat = often", "heartbeat: 'often' is not a whole number from 0 to 65535"),
        ("frame_max = 1TB", "frame_max: '1TB' is not a number of octets, or one with KB, MB or GB"),
        ("default_user_tags.administrator = 1", "default_user_tags.administrator: '1' is not true or false"),
        ("default_queue_type = lazy", "default_queue_type: 'lazy' is not one of classic, quorum, stream"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, line: str, fault: str):
    assert refusal(conf(tmp_path, f"\n{line}\n")).startswith(f"{tmp_path}/rabbitmq.conf, line 2: {fault}")


KEYS = Path(__file__).parents[3] / "amqpbroker" / "server" / "config" / "rabbitmq_keys.txt"
PATTERNS = [line for line in KEYS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
values = st.text(st.characters(codec="utf-8", exclude_characters="'\r\n"), max_size=12) | st.sampled_from(
    ["true", "false", "none", "0", "1", "-1", "5672", "127.0.0.1:5672", "1GB", "0.5", "infinity", "encrypted:s3cret"]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATTERNS), values)
@example("listeners.tcp.$name", ":")
def test_any_known_key_with_any_value_starts_the_broker_or_is_refused_with_a_reason(
    tmp_path: Path, pattern: str, value: str
):
    key = pattern.replace("$", "")
    try:
        load(conf(tmp_path, f"{key} = '{value}'\n"), {})
    except ConfigError as refused:
        assert str(refused).startswith((f"{tmp_path}/rabbitmq.conf, line 1: {key}: ", *Config.__slots__))
