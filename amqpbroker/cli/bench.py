"""`amqpbroker bench`: how much a broker takes and gives, with the flags of `lavinmqperf throughput`."""

import json
import os
import threading
import time
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, amqp, say
from amqpbroker.cli.amqp import Address, Failure
from amqpbroker.cli.load.connection import LoadConnection, LoadError
from amqpbroker.cli.load.worker import Consumer, Plan, Publisher, Worker
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import say_json
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table, from_python

# Once all is published, consumers are waited for as long as something comes within this.
_IDLE_S: Final = 1.0
_LOOK_S: Final = 0.05


def run(arguments: list[str]) -> int:
    """Measure, and give the exit code."""
    parser = ArgumentParser(
        "amqpbroker bench",
        description="Publish and consume as fast as a broker can, and tell the rates. The flags are those of "
        "lavinmqperf throughput. The load is made here, so it takes part of this machine.",
        epilog="exit codes: 0 fine, 1 refused, 2 usage, 69 the broker cannot be reached",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-x", "--publishers", type=int, default=1, metavar="NUMBER", help="publishers; 1 if not named")
    add("-y", "--consumers", type=int, default=1, metavar="NUMBER", help="consumers; 1 if not named")
    add("-s", "--size", type=int, default=16, metavar="BYTES", help="octets of a body; 16 if not named")
    add(
        "-a",
        "--ack",
        type=int,
        default=0,
        metavar="NUMBER",
        help="acknowledge after so many; as they come if not named",
    )
    add("-c", "--confirm", type=int, default=0, metavar="NUMBER", help="confirms, with at most so many unconfirmed")
    add("-u", "--queue", default="perf-test", metavar="NAME", help="perf-test if not named")
    add("-k", "--routing-key", metavar="KEY", help="the queue's name if not named")
    add("-e", "--exchange", default="", metavar="NAME", help="the default exchange if not named")
    add("-r", "--rate", type=float, default=0.0, metavar="NUMBER", help="of each publisher at most so many a second")
    add("-R", "--consumer-rate", type=float, default=0.0, metavar="NUMBER", help="of each consumer")
    add("-p", "--persistent", action="store_true", help="messages that survive a restart")
    add(
        "-P",
        "--prefetch",
        type=int,
        default=0,
        metavar="NUMBER",
        help="unacknowledged at most; any number if not named",
    )
    add("-j", "--json", action="store_true", help="print the summary as JSON")
    add("-z", "--time", type=float, metavar="SECONDS", help="so long; until Ctrl-C if not named")
    add("-q", "--quiet", action="store_true", help="print the summary alone")
    add("-C", "--pmessages", type=int, metavar="NUMBER", help="publish so many in all")
    add("-D", "--cmessages", type=int, metavar="NUMBER", help="consume so many in all")
    add("--queue-args", default="{}", metavar="JSON", help="of the queue, if it is not there yet")
    add("--consumer-args", default="{}", metavar="JSON", help="of the consumers")
    add("--properties", default="{}", metavar="JSON", help="of the messages")
    amqp.add_options(parser, "--uri")
    return amqp.guarded(parser, arguments, _bench)


def _bench(options: Namespace) -> int:
    to = amqp.address(options, os.environ)
    plan = _plan(options)
    arguments = _table(options.queue_args, "--queue-args")
    try:
        was_there = _is_there(to, plan.queue)
        try:
            _declare(to, plan, None if was_there else arguments)
            return _measure(to, options, plan)
        finally:
            if not was_there:
                _remove(to, plan.queue)
    except LoadError as error:
        raise Failure(EXIT_FAILED, str(error)) from None
    except OSError as error:
        raise Failure(EXIT_UNREACHABLE, f"{to} cannot be reached ({error.strerror or error})") from None


def _plan(options: Namespace) -> Plan:
    for name in ("publishers", "consumers", "size", "ack", "confirm", "prefetch"):
        if getattr(options, name) < 0:
            raise UsageError(f"--{name}: there is no less than none")
    about = _object(options.properties, "--properties")
    if unknown := about.keys() - Properties.__dataclass_fields__.keys():
        raise UsageError(f"--properties: {', '.join(sorted(unknown))} is none")
    if "headers" in about:
        about["headers"] = from_python(about["headers"]).value
    if options.persistent:
        about["delivery_mode"] = 2
    return Plan(
        exchange=options.exchange,
        routing_key=options.queue if options.routing_key is None else options.routing_key,
        queue=options.queue,
        size_bytes=options.size,
        publish_rate=options.rate,
        consume_rate=options.consumer_rate,
        confirm=options.confirm,
        ack=options.ack,
        prefetch=options.prefetch,
        properties=Properties(**about),
        consumer_arguments=_table(options.consumer_args, "--consumer-args"),
    )


def _object(text: str, flag: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{flag}: is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise UsageError(f"{flag}: is not a JSON object")
    return found


def _table(text: str, flag: str) -> Table:
    table: Table = from_python(_object(text, flag)).value
    return table


def _is_there(to: Address, queue: str) -> bool:
    asking = LoadConnection(to)
    try:
        asking.call(Queue.Declare(queue=queue, passive=True), Queue.DeclareOk)
    except LoadError:
        return False
    finally:
        asking.close()
    return True


def _declare(to: Address, plan: Plan, arguments: Table | None) -> None:
    """Makes the queue, if it has arguments, and binds it. Raises LoadError: refused."""
    declaring = LoadConnection(to)
    try:
        if plan.exchange:
            declaring.call(Exchange.Declare(exchange=plan.exchange, passive=True), Exchange.DeclareOk)
        if arguments is not None:
            declaring.call(Queue.Declare(queue=plan.queue, durable=True, arguments=arguments), Queue.DeclareOk)
        if plan.exchange:
            bind = Queue.Bind(queue=plan.queue, exchange=plan.exchange, routing_key=plan.routing_key)
            declaring.call(bind, Queue.BindOk)
    finally:
        declaring.close()


def _remove(to: Address, queue: str) -> None:
    removing = LoadConnection(to)
    try:
        removing.call(Queue.Delete(queue=queue), Queue.DeleteOk)
    finally:
        removing.close()


def _measure(to: Address, options: Namespace, plan: Plan) -> int:
    stop = threading.Event()
    consumers = [Consumer(to, plan, limit, stop) for limit in _shares(options.cmessages, options.consumers)]
    publishers = [Publisher(to, plan, limit, stop) for limit in _shares(options.pmessages, options.publishers)]
    workers: list[Worker] = [*consumers, *publishers]
    for worker in workers:
        worker.thread.start()
    started_s = time.perf_counter()
    try:
        _watch(options, publishers, consumers, started_s)
    except KeyboardInterrupt:
        pass
    elapsed_s = time.perf_counter() - started_s
    published, consumed = _sum(publishers), _sum(consumers)
    stop.set()
    for worker in workers:
        worker.close()
    if failed := [worker.error for worker in workers if worker.error is not None]:
        raise failed[0]
    _say_summary(options, elapsed_s, published, consumed)
    return EXIT_OK


def _shares(total: int | None, workers: int) -> list[int | None]:
    """What each of them has to do of it; None: no end."""
    if total is None:
        return [None] * workers
    return [total // workers + (number < total % workers) for number in range(workers)]


def _watch(options: Namespace, publishers: list[Publisher], consumers: list[Consumer], started_s: float) -> None:
    """Tell the rates each second, until the time is over or all is done."""
    told_s, told = started_s, (0, 0)
    last, last_s = 0, started_s
    waiting = threading.Event()  # which nobody sets
    while True:
        waiting.wait(_LOOK_S)
        now_s = time.perf_counter()
        published, consumed = _sum(publishers), _sum(consumers)
        if consumed > last:
            last, last_s = consumed, now_s
        if now_s - told_s >= 1 and not options.quiet:
            rates = [
                round((now - then) / (now_s - told_s)) for now, then in zip((published, consumed), told, strict=True)
            ]
            say(f"Publish rate: {rates[0]} msgs/s Consume rate: {rates[1]} msgs/s")
            told_s, told = now_s, (published, consumed)
        if options.time is not None and now_s - started_s >= options.time:
            return
        if any(worker.error for worker in (*publishers, *consumers)):
            return
        if all(one.is_done for one in publishers) and _have_all(options, consumers, now_s - last_s):
            return


def _have_all(options: Namespace, consumers: list[Consumer], idle_s: float) -> bool:
    """Whether consumers need not be waited for any longer."""
    if all(one.is_done for one in consumers):
        return True
    return options.cmessages is None and options.publishers > 0 and idle_s >= _IDLE_S


def _sum(workers: list[Publisher] | list[Consumer]) -> int:
    return sum(worker.count for worker in workers)


def _say_summary(options: Namespace, elapsed_s: float, published: int, consumed: int) -> None:
    rates = [round(count / elapsed_s, 1) for count in (published, consumed)]
    if options.json:
        say_json({"elapsed_seconds": elapsed_s, "avg_pub_rate": rates[0], "avg_consume_rate": rates[1]})
        return
    say("\nSummary:")
    say(f"Average publish rate: {rates[0]} msgs/s")
    say(f"Average consume rate: {rates[1]} msgs/s")
