"""The Celery application of the interop tests: the worker process imports it, the tests send its tasks.

Environment: INTEROP_BROKER_URL, INTEROP_RESULT_BACKEND, INTEROP_PREFIX (begins every name it uses on the broker).
"""

import os
import signal
import time

from celery import Celery, Task
from kombu import Exchange, Queue

PREFIX = os.environ["INTEROP_PREFIX"]

app = Celery("interop", broker=os.environ["INTEROP_BROKER_URL"], backend=os.environ["INTEROP_RESULT_BACKEND"])
app.conf.update(
    task_queues=[Queue(PREFIX, Exchange(PREFIX, "direct"), PREFIX)],
    task_default_queue=PREFIX,
    task_default_exchange=PREFIX,
    task_default_routing_key=PREFIX,
    control_exchange=f"{PREFIX}.control",
    event_exchange=f"{PREFIX}.events",
    result_exchange=f"{PREFIX}.results",
    result_expires=60,
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    broker_connection_retry_on_startup=True,
)


@app.task
def add(x: int, y: int) -> int:
    """x + y."""
    return x + y


@app.task
def total(numbers: list[int]) -> int:
    """The sum of the numbers."""
    return sum(numbers)


@app.task
def fail() -> None:
    """Raise ValueError."""
    raise ValueError("as asked")


@app.task(bind=True, max_retries=3)
def succeed_at(self: Task, attempt: int) -> int:
    """Retry at once until this is the attempt asked for; returns how many retries it took."""
    if self.request.retries < attempt:
        raise self.retry(countdown=0)
    retries: int = self.request.retries
    return retries


@app.task
def moment() -> float:
    """When it ran, in seconds since the epoch."""
    return time.time()


@app.task(bind=True)
def delivery(self: Task) -> dict[str, object]:
    """What the broker said of this task's message."""
    return dict(self.request.delivery_info)


@app.task(bind=True, acks_late=True, reject_on_worker_lost=True)
def kill_the_first_worker(self: Task) -> bool:
    """Kill the process it runs in, unless redelivered; returns whether it was redelivered."""
    if not self.request.delivery_info["redelivered"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return bool(self.request.delivery_info["redelivered"])
