"""What a Celery program sees: one worker process, tasks that only add, results by rpc."""

import argparse
import os
import subprocess
import sys

from benchmark.processes import end
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import HOST, BenchmarkError, Connection

RESULT_TIMEOUT_S = 60.0
WORKER_OPTIONS = ["--pool=solo", "--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]


def measure(options: argparse.Namespace) -> Measurement:
    os.environ["BENCHMARK_CELERY_BROKER_URL"] = f"amqp://guest:guest@{HOST}:{options.port}//"
    from benchmark.celery_tasks import QUEUE, add, application

    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "--app", "benchmark.celery_tasks", "--quiet", "worker", *WORKER_OPTIONS],
        stdout=subprocess.DEVNULL,
    )
    try:
        add.delay(0, 0).get(timeout=RESULT_TIMEOUT_S)  # from here on the worker is ready
        window = CpuWindow(options.broker_pid)
        results = [add.delay(number, 1) for number in range(options.count)]
        for number, result in enumerate(results):
            if result.get(timeout=RESULT_TIMEOUT_S) != number + 1:
                raise BenchmarkError(f"task {number} returned {result.result!r}")
        return window.close({"tasks_per_s": options.count / window.elapsed_s()})
    finally:
        end(worker)
        application.close()
        Connection(options.port).delete_queue(QUEUE)


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--count", type=int, default=2_000, help="tasks")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
