"""Metrics as Prometheus gets them: the very application that the port serves, read by Prometheus's own parser."""

from collections.abc import Mapping
from typing import Any

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from amqpbroker.management.metrics.app import build_metrics_app
from amqpbroker.server.server import Server


async def scraped(server: Server, name: str = "", **query: Any) -> dict[str, Metric]:
    """The families below /metrics, by their names as they are written; none of them stands there twice."""
    transport = httpx.ASGITransport(build_metrics_app(server))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:15692") as client:
        answer = await client.get(f"/metrics/{name}".rstrip("/"), params=query)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = [line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    families = list(text_string_to_metric_families(answer.text))
    assert len(families) == len(names)
    return dict(zip(names, families, strict=True))


def value(families: Mapping[str, Metric], name: str, **labels: str) -> float:
    """The one sample of a family that has these labels."""
    (found,) = [sample.value for sample in families[name].samples if labels.items() <= sample.labels.items()]
    return found


def labels_of(families: Mapping[str, Metric], name: str) -> list[dict[str, str]]:
    """The labels of all samples of a family."""
    return [dict(sample.labels) for sample in families[name].samples]
