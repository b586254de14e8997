"""How sizes are written, what memory there is, and where state is kept."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.server import machine
from amqpbroker.server.machine import default_data_dir, memory_bytes, parse_size

GIB = 1_073_741_824


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0), ("50000000", 50_000_000),
        ("50MB", 50_000_000), ("50mb", 50_000_000), ("50Mb", 50_000_000), ("50M", 50_000_000), ("50m", 50_000_000),
        ("7kB", 7_000), ("7k", 7_000), ("7KiB", 7_168), ("7Ki", 7_168), ("7ki", 7_168), ("7KIB", 7_168),
        ("2GB", 2_000_000_000), ("2GiB", 2 * GIB), ("2Gi", 2 * GIB), ("1TB", 10**12), ("1TiB", 1_024 * GIB),
        ("1P", 10**15), ("1PiB", 1_024**2 * GIB),
    ],
)  # fmt: skip
def test_a_size_has_rabbitmqs_units(text, size_bytes):
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MB", "50 MB", "1.5GB", "-1", "50B", "50XB", "50MBs", "٥MB", "50MB\n"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(0, 2**60), st.sampled_from("kmgtp"))
def test_a_binary_unit_is_always_the_larger(number, prefix):
    assert number * 1_000 <= parse_size(f"{number}{prefix}") <= parse_size(f"{number}{prefix}i")


# Memory


@pytest.fixture
def machine_with(tmp_path: Path, monkeypatch):
    """A machine of 8 GiB with these files under /proc and /sys; gives what a process may use."""
    monkeypatch.setattr(machine, "_physical_memory_bytes", lambda: 8 * GIB)

    def written(cgroup: str, **limits: str) -> int | None:
        for path, text in {"proc/self/cgroup": cgroup, **limits}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return memory_bytes(tmp_path)

    return written


V2 = "0::/user.slice/broker.service\n"
V1 = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.parametrize(
    ("cgroup", "limits", "gib"),
    [
        (V2, {"user.slice/broker.service/memory.max": f"{2 * GIB}\n"}, 2),
        (V2, {"user.slice/broker.service/memory.max": "max\n", "user.slice/memory.max": f"{3 * GIB}\n"}, 3),
        (V2, {"user.slice/broker.service/memory.max": f"{4 * GIB}\n", "user.slice/memory.max": f"{GIB}\n"}, 1),
        (V2, {"user.slice/broker.service/memory.max": f"{16 * GIB}\n"}, 8),
        # A container sees its own group as the root, whatever path the host's says.
        ("0::/\n", {"memory.max": f"{GIB}\n"}, 1),
        ("0::/docker/abc\n", {"memory.max": f"{GIB}\n"}, 1),
        ("0::/../../docker/abc\n", {"memory.max": f"{GIB}\n"}, 1),
        (V2, {"other.slice/memory.max": f"{GIB}\n"}, 8),
        (V1, {"memory/docker/abc/memory.limit_in_bytes": f"{2 * GIB}\n"}, 2),
        (V1, {"memory/memory.limit_in_bytes": f"{GIB}\n"}, 1),
        (V1, {"memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n"}, 8),
        (V1, {"cpu/docker/abc/memory.limit_in_bytes": f"{GIB}\n"}, 8),
        ("", {"memory.max": f"{GIB}\n"}, 8),
    ],
)
def test_the_smaller_of_machine_and_cgroup_wins(machine_with, cgroup, limits, gib):
    files = {f"sys/fs/cgroup/{path}": text for path, text in limits.items()}
    assert machine_with(cgroup, **files) == gib * GIB


def test_a_machine_without_cgroups_has_all_its_memory(machine_with, tmp_path):
    assert memory_bytes(tmp_path) == 8 * GIB


def test_a_system_that_tells_nothing_is_not_guessed_at(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert memory_bytes(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="this system does not tell its memory")
def test_this_machine_has_memory():
    assert memory_bytes() > 50_000_000


# State


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({}, "/home/anna/.local/state/amqpbroker"),
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/amqpbroker"),
        ({"XDG_STATE_HOME": ""}, "/home/anna/.local/state/amqpbroker"),
        ({"XDG_STATE_HOME": "state"}, "/home/anna/.local/state/amqpbroker"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths as POSIX has them")
def test_data_is_kept_where_the_user_keeps_state(monkeypatch, environment, directory):
    monkeypatch.setenv("HOME", "/home/anna")
    assert default_data_dir(environment) == directory
