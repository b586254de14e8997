"""`status` and `cluster_status`, for people and for programs."""

import json
from collections.abc import Callable
from typing import Any

Call = Callable[..., Any]
NODE = "rabbit@host"


def test_the_status_for_people_and_for_programs(ctl: Call) -> None:
    out = ctl("status").out
    assert out.startswith(f"Status of node {NODE} ...\nRuntime\n\nOS PID: 1\nUptime (seconds): 5\n")
    assert "RabbitMQ version: 4.2.9" in out.splitlines()
    found = json.loads(ctl("status", "--formatter", "json").out)
    assert (found["pid"], found["rabbitmq_version"], found["alarms"]) == (1, "4.2.9", [])


def test_the_status_of_the_cluster(ctl: Call) -> None:
    out = ctl("cluster_status").out
    assert out.startswith(
        f"Cluster status of node {NODE} ...\nBasics\n\nCluster name: {NODE}\n\nDisk Nodes\n\n{NODE}\n"
    )
    assert json.loads(ctl("cluster_status", "--formatter", "json").out)["running_nodes"] == [NODE]
