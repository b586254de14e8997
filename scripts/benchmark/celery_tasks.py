"""The Celery application of the Celery row; its broker comes from the environment, as the worker process needs it."""

import os

from celery import Celery  # type: ignore[import-untyped]

QUEUE = "bench.celery"

application = Celery("bench", broker=os.environ["BENCHMARK_CELERY_BROKER_URL"], backend="rpc://")
application.conf.update(
    task_default_queue=QUEUE,
    task_default_delivery_mode="transient",
    worker_prefetch_multiplier=100,
    broker_connection_retry_on_startup=True,
)


@application.task(name="bench.add")  # type: ignore[untyped-decorator]
def add(left: int, right: int) -> int:
    return left + right
