"""Cells in real time: a broker in a process of its own, clients that are used elsewhere, sockets, and the clock."""

import base64
import json
import multiprocessing
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import fmean
from typing import Any

import pika

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.simulation.comparison import compare
from amqpbroker.capacity.simulation.estimates import customers_needed, warm_up_customers
from benchmark.brokers import HOST, RunningBroker, free_port, with_management
from experiment.simulated import figure, rounded
from experiment.traffic import Received, Traffic, consume_all, publish_all

SERVICE_S = 0.02
LOADS = (0.7, 0.8)
CONSUMERS = (1, 2, 8)
# Of the mean wait, either way, by number of consumers; half of it would take four times as long. With eight the
# interval is up to twice as wide as is reckoned.
PRECISION = {1: 0.1, 2: 0.1, 8: 0.05}
# The broker is asked what it has seen from the beginning on, as it measures only what somebody asks about again within
# a minute, and for the last time when so much of the traffic has gone by.
ASK_EVERY_S = 45.0
ASKED_AFTER = 0.95
LEAD_S = 0.5


@dataclass(frozen=True, slots=True)
class LiveCell:
    """name: what it is called in the results. load: ρ."""

    name: str
    load: float
    consumers: int
    customers: int


def live_cells(customers: int | None = None) -> Iterator[LiveCell]:
    """Six. customers: in each; as many as it needs, if it is not given."""
    for consumers in CONSUMERS:
        for load in LOADS:
            full = Load(load * consumers / SERVICE_S, SERVICE_S, consumers)
            yield LiveCell(
                f"real-time/{consumers}/{load:g}",
                load,
                consumers,
                customers or customers_needed(full, PRECISION[consumers]),
            )


def run_live(cells: list[LiveCell], say: Callable[[str], None]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, result) of each cell. Those with as many consumers share the broker, with a queue each."""
    if not cells:
        return
    http_port = free_port()
    with tempfile.TemporaryDirectory(prefix="amqpbroker-experiment-") as directory:
        kind = with_management(http_port, -1)
        with RunningBroker(kind, Path(directory) / "broker") as broker:
            broker.wait_until_ready().close()
            for _, together in groupby(cells, key=lambda one: one.consumers):
                running = [_Running(cell, broker.port, http_port) for cell in together]
                for one in running:
                    say(f"{one.cell.name}: {one.cell.customers:,} customers, {one.takes_s:,.0f} s")
                while running:
                    time.sleep(min(ASK_EVERY_S, max(0.0, min(one.asked_last_s for one in running) - time.monotonic())))
                    done = [one for one in running if one.ask()]
                    for one in done:
                        running.remove(one)
                        yield one.cell.name, one.result(say)


class _Running:
    """A cell whose processes run. asked_last_s: when the broker is asked what it has seen for the last time."""

    def __init__(self, cell: LiveCell, port: int, http_port: int) -> None:
        self.cell = cell
        self.load = Load(cell.load * cell.consumers / SERVICE_S, SERVICE_S, cell.consumers)
        self.takes_s = cell.customers / self.load.arrivals_per_s
        self.queue = cell.name.replace("/", ".")
        url = f"amqp://guest:guest@{HOST}:{port}/"
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            connection.channel().queue_declare(self.queue)
        traffic = Traffic(
            url,
            self.queue,
            self.load.arrivals_per_s,
            SERVICE_S,
            cell.consumers,
            cell.customers,
            seed=round(cell.load * 100) * 10 + cell.consumers,
        )
        self._from, to = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self._processes = [_start(consume_all, traffic, to)]
        self._from.recv()
        began_s = time.monotonic() + LEAD_S
        self.asked_last_s = began_s + ASKED_AFTER * self.takes_s
        self._url = f"http://{HOST}:{http_port}/api/queues/%2F/{self.queue}/capacity"
        self._processes.append(_start(publish_all, traffic, began_s))
        time.sleep(max(0.0, began_s - time.monotonic()))
        self.ask()

    def ask(self) -> bool:
        """Asks the broker what it has seen, which keeps it measuring; whether that was the last time."""
        request = urllib.request.Request(
            self._url, headers={"Authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}
        )
        with urllib.request.urlopen(request) as answer:
            self._observed = json.load(answer)
        return time.monotonic() >= self.asked_last_s

    def result(self, say: Callable[[str], None]) -> dict[str, Any]:
        """Waits for the end of it."""
        received: Received = self._from.recv()
        for process in self._processes:
            process.join()
        forecast = m_m_c(self.load)
        warm_up = warm_up_customers(self.cell.load)
        compared = compare(forecast, received.waits_s, warm_up)
        result = {
            "consumers": self.cell.consumers,
            "load": self.cell.load,
            "customers": self.cell.customers,
            "warm_up": warm_up,
            "model": forecast.model,
            # That nobody waits for nothing at all is no wonder: the octets need their time.
            "figures": [figure(one) for one in compared if one.name != "waiting"],
            "found_all_busy": round(1 - len(received.idle_s) / self.cell.customers, 4),
            "found_all_busy_predicted": round(forecast.wait_probability, 4),
            "latency_s": round(fmean(received.idle_s), 6),
            "late_s": round(received.late_s, 6),
            "observed": _in_short(self._observed),
        }
        [mean] = [one for one in compared if one.name == "mean"]
        say(
            f"{self.cell.name}: mean {mean.measured.value * 1e3:.2f} ± {mean.measured.half_width * 1e3:.2f} ms, "
            f"predicted {mean.predicted * 1e3:.2f} ms, of idle consumers {result['latency_s'] * 1e3:.2f} ms"
        )
        return result


def _start(work: Callable[..., None], traffic: Traffic, other: Connection | float) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=work, args=(traffic, other), daemon=True)
    process.start()
    return process


def _in_short(observed: dict[str, Any]) -> dict[str, Any]:
    """What the broker says of a queue's traffic, without the fits."""
    forecast, measured = observed["forecast"], observed["measured_wait"]
    return {
        "arrivals_per_s": rounded(observed["arrivals"]["per_s"]),
        "services_per_s": rounded(observed["services"]["per_s"]),
        "utilisation": rounded(observed["utilisation"]),
        "model": forecast["model"],
        "wait_mean_s": rounded(forecast["wait_mean_s"]),
        "wait_p99_s": rounded(forecast["wait_percentiles_s"]["99"]),
        "measured_mean_s": rounded(measured["mean_s"]),
        "consumers_needed": observed["consumers_needed"],
        "trust": observed["trust"],
        "in_words": observed["in_words"],
    }
