"""Damaged sessions against a real broker process, and what they do to another client.

    scripts/fuzz --count 100000

Sessions are what clients send, from the protocol header to connection.close. A mutation of one is sent over loopback in
a connection of its own, many at a time, while another client sends a message to itself every few milliseconds and takes
the time. In the end the broker must be alive, its log without an unhandled exception, its memory where it was.
"""

import argparse
import asyncio
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from amqpbroker.wire import properties
from amqpbroker.wire.frames import FRAME_HEADER, content_frames
from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue, Tx, encode_frame
from amqpbroker.wire.tables import from_python

ROOT: Final = Path(__file__).resolve().parent.parent
FRAME_MAX_BYTES: Final = 8_192
AT_A_TIME: Final = 24
ANSWER_S: Final = 0.02
PROBE_S: Final = 0.005
GROWTH_MAX_MIB: Final = 20
P99_MAX_MS: Final = 50
READY_S: Final = 10.0

HANDSHAKE: Final = b"AMQP\0\0\x09\x01" + b"".join(
    encode_frame(0, method)
    for method in (
        Connection.StartOk(
            client_properties={
                "product": from_python("fuzz"),
                "capabilities": from_python({"consumer_cancel_notify": True, "authentication_failure_close": True}),
            },
            mechanism="PLAIN",
            response=b"\0guest\0guest",
            locale="en_US",
        ),
        Connection.TuneOk(channel_max=2047, frame_max=FRAME_MAX_BYTES, heartbeat=60),
        Connection.Open(virtual_host="/"),
    )
)
_GOODBYE: Final = encode_frame(0, Connection.Close(reply_code=200, reply_text="bye"))


def _publish(exchange: str, key: str, body: bytes, mandatory: bool = False, **values: object) -> bytes:
    header = properties.encode(properties.Properties(**values), len(body))  # type: ignore[arg-type]
    method = Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory)
    return encode_frame(1, method) + content_frames(1, header, body, FRAME_MAX_BYTES)


def _session(*parts: object) -> bytes:
    """Methods of channel 1, or octets as they are, within a whole session."""
    octets = [part if isinstance(part, bytes) else encode_frame(1, part) for part in parts]  # type: ignore[arg-type]
    return HANDSHAKE + encode_frame(1, Channel.Open()) + b"".join(octets) + _GOODBYE


SESSIONS: Final = (
    _session(
        Queue.Declare(queue="", exclusive=True),
        Basic.Qos(prefetch_count=10),
        Basic.Consume(consumer_tag="c"),
        b"".join(_publish("amq.topic", "a.b", b"body" * size) for size in range(20)),
        Basic.Cancel(consumer_tag="c"),
        Channel.Close(reply_code=200, reply_text="done"),
    ),
    _session(
        Confirm.Select(),
        Queue.Declare(queue="fuzz", exclusive=True, auto_delete=True, arguments={"x-max-priority": from_python(5)}),
        Queue.Bind(queue="fuzz", exchange="amq.direct", routing_key="k"),
        b"".join(_publish("amq.direct", "k", b"x" * 100, delivery_mode=2, message_id=str(i)) for i in range(10)),
        Basic.Get(queue="fuzz"),
        Basic.Get(queue="fuzz"),
        Basic.Ack(delivery_tag=1),
        Basic.Nack(delivery_tag=2, requeue=True),
        Basic.Recover(requeue=True),
        Queue.Purge(queue="fuzz"),
        Queue.Delete(queue="fuzz"),
    ),
    _session(
        Exchange.Declare(
            exchange="fuzz",
            exchange_type="headers",
            auto_delete=True,
            arguments={"alternate-exchange": from_python("e")},
        ),
        Queue.Declare(queue="", exclusive=True),
        Queue.Bind(
            exchange="fuzz",
            arguments={"x-match": from_python("any"), "a": from_python(1), "n": from_python([1, {"b": 2.5}])},
        ),
        Exchange.Bind(destination="fuzz", source="amq.fanout"),
        b"".join(
            _publish(
                "fuzz", "", b"?" * 50, mandatory=bool(i % 2), headers={"a": from_python(i), "CC": from_python(["k"])}
            )
            for i in range(6)
        ),
        Queue.Unbind(exchange="fuzz", arguments={"x-match": from_python("any")}),
        Exchange.Delete(exchange="fuzz"),
    ),
    _session(
        Tx.Select(),
        Queue.Declare(queue="", exclusive=True),
        Basic.Consume(no_ack=False, arguments={"x-priority": from_python(3)}),
        _publish("", "nobody", b"lost", mandatory=True, expiration="1000", reply_to="r", user_id="guest", timestamp=1),
        _publish("amq.match", "", b"z" * 20_000),
        Tx.Commit(),
        Basic.Ack(delivery_tag=0, multiple=True),
        Tx.Rollback(),
    ),
    _session(
        Basic.Consume(queue="amq.rabbitmq.reply-to", no_ack=True),
        Queue.Declare(queue="", exclusive=True),
        _publish("", "nobody", b"ask", reply_to="amq.rabbitmq.reply-to", correlation_id="1"),
        b"\x08\0\0\0\0\0\0\xce",
        Channel.Flow(active=True),
        Queue.Declare(queue="amq.rabbitmq.reply-to", passive=True),
        Basic.RecoverAsync(requeue=True),
    ),
)


def mutate(draw: random.Random, octets: bytes) -> bytes:
    """The octets with one to four damages, mostly behind the handshake."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        least = len(HANDSHAKE) if draw.random() < 0.85 and len(octets) > len(HANDSHAKE) else 0
        start = draw.randrange(least, max(len(octets), least + 1))
        octets = draw.choice(DAMAGES)(draw, octets, start)
    return octets


def _flip(draw: random.Random, octets: bytes, start: int) -> bytes:
    damaged = bytearray(octets)
    for at in range(start, min(start + draw.choice((1, 1, 3)), len(octets))):
        damaged[at] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def _replace(draw: random.Random, octets: bytes, start: int) -> bytes:
    new = draw.choice((b"\0", b"\xff", b"\xce", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80"))
    return octets[:start] + new + octets[start + len(new) :]


def _cut(draw: random.Random, octets: bytes, start: int) -> bytes:
    return octets[:start] + octets[start + draw.choice((1, 2, 8, 40, len(octets))) :]


def _insert(draw: random.Random, octets: bytes, start: int) -> bytes:
    return octets[:start] + draw.randbytes(draw.choice((1, 2, 8, 300))) + octets[start:]


def _repeat(draw: random.Random, octets: bytes, start: int) -> bytes:
    part = octets[start : start + draw.choice((1, 7, 30, 500))]
    return octets[:start] + part * draw.choice((2, 3, 20)) + octets[start:]


def _splice(draw: random.Random, octets: bytes, start: int) -> bytes:
    other = draw.choice(SESSIONS)
    return octets[:start] + other[draw.randrange(len(other)) :]


def _at_a_frame(draw: random.Random, octets: bytes, start: int) -> bytes:
    """One whole frame left out, doubled, or sent with another type, channel or size."""
    frames = _frame_starts(octets)
    if len(frames) < 2:
        return octets
    place = draw.randrange(len(frames) - 1)
    begin, end = frames[place], frames[place + 1]
    frame = octets[begin:end]
    kind, channel, size = FRAME_HEADER.unpack_from(frame)
    other = FRAME_HEADER.pack(
        draw.choice((kind, kind, 1, 2, 3, 8, 99)),
        draw.choice((channel, 0, 1, 2, 65_535)),
        draw.choice((size, size - 1, size + 1, 1 << 31)) % (1 << 32),
    )
    return octets[:begin] + draw.choice((b"", frame * 2, other + frame[7:])) + octets[end:]


def _frame_starts(octets: bytes) -> list[int]:
    starts = []
    position = 8
    while position + 7 <= len(octets):
        starts.append(position)
        position += FRAME_HEADER.unpack_from(octets, position)[2] + 8
    return starts


DAMAGES: Final[tuple[Callable[[random.Random, bytes, int], bytes], ...]] = (
    _flip,
    _flip,
    _replace,
    _cut,
    _insert,
    _repeat,
    _splice,
    _at_a_frame,
)

# ---------------------------------------------------------------------------------------------------------------------
# Against a process


async def _send(port: int, octets: bytes) -> None:
    """One damaged session: sent, listened to for a moment, and dropped."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        raise SystemExit(f"the broker takes no connections any more: {error}") from error
    try:
        writer.write(octets)
        async with asyncio.timeout(ANSWER_S):
            while await reader.read(65_536):
                pass
    except (TimeoutError, OSError):
        pass
    finally:
        writer.transport.abort()


async def _send_all(port: int, count: int, seed: int) -> None:
    draw = random.Random(seed)
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await _send(port, mutate(draw, draw.choice(SESSIONS)))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(worker())


def probe(port: int) -> None:
    """Round trips of a message to itself until the input ends; prints how long they took, in milliseconds."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        declare = encode_frame(1, Queue.Declare(queue="fuzz.probe", exclusive=True))
        consume = encode_frame(1, Basic.Consume(queue="fuzz.probe", no_ack=True))
        peer.sendall(HANDSHAKE + encode_frame(1, Channel.Open()) + declare + consume)
        received = b""
        while encode_frame(1, Basic.ConsumeOk())[7:11] not in received:
            received += _receive(peer)
        publish = _publish("", "fuzz.probe", b"probe")
        import select

        while not select.select([sys.stdin], [], [], PROBE_S)[0]:
            start_s = time.perf_counter()
            peer.sendall(publish)
            received = b""
            while b"probe\xce" not in received:
                received += _receive(peer)
            print(f"{(time.perf_counter() - start_s) * 1000:.3f}")


def _receive(peer: socket.socket) -> bytes:
    data = peer.recv(65_536)
    if not data:
        raise SystemExit("the broker has dropped a client that does nothing wrong")
    return data


def _memory_mib(process_id: int) -> float | None:
    """Resident memory; None where the system does not tell."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else None


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def _start_broker(log_path: Path) -> tuple[subprocess.Popen[bytes], int]:
    command = [sys.executable, "-m", "amqpbroker", "serve", "--memory"]
    command += ["--host", "127.0.0.1", "--port", "0", "--print-port"]
    with log_path.open("wb") as log:
        broker = subprocess.Popen(
            [*command, "--log-level", "error"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
        )
    assert broker.stdout is not None
    line = broker.stdout.readline()
    if not line.strip().isdigit():
        raise SystemExit(f"the broker did not start: {log_path.read_text(errors='replace')}")
    return broker, int(line)


def run(count: int, seed: int, log_path: Path) -> int:
    """Feeds a new broker count mutations, says what came of it, and gives the exit code."""
    broker, port = _start_broker(log_path)
    try:
        # What the first sessions leave behind are caches, which do not grow any further.
        asyncio.run(_send_all(port, min(1_000, count), seed + 1))
        before_mib = _memory_mib(broker.pid)
        with subprocess.Popen(
            [sys.executable, __file__, "--probe", str(port)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as prober:
            start_s = time.monotonic()
            asyncio.run(_send_all(port, count, seed))
            took_s = time.monotonic() - start_s
            output, _ = prober.communicate(timeout=READY_S)
        after_mib = _memory_mib(broker.pid)
        alive = broker.poll() is None and prober.returncode == 0
    finally:
        broker.send_signal(signal.SIGTERM)
        broker.communicate(timeout=READY_S)
    times = [float(line) for line in output.split()]
    log = log_path.read_text(encoding="utf-8", errors="replace")
    unhandled = log.count("Traceback (most recent call last)")
    p99_ms = _percentile(times, 0.99) if times else float("inf")
    print(f"{count} mutations of {len(SESSIONS)} sessions, seed {seed}, in {took_s:.0f} s ({count / took_s:.0f}/s)")
    print(f"unhandled exceptions in the log: {unhandled}; error lines: {log.count(chr(10))}")
    median_ms = _percentile(times, 0.5) if times else float("inf")
    worst_ms = max(times, default=float("inf"))
    print(
        f"another client's round trip: {len(times)} times, median {median_ms:.1f} ms, p99 {p99_ms:.1f} ms,"
        f" worst {worst_ms:.1f} ms"
    )
    growth_mib = 0.0
    if before_mib is not None and after_mib is not None:
        growth_mib = after_mib - before_mib
        print(f"memory: {before_mib:.1f} MiB before, {after_mib:.1f} MiB after ({growth_mib:+.1f} MiB)")
    faults = []
    if not alive:
        faults.append("the broker or its other client ended")
    if unhandled:
        faults.append(f"unhandled exceptions, see {log_path}")
    if growth_mib > GROWTH_MAX_MIB:
        faults.append(f"memory grew by more than {GROWTH_MAX_MIB} MiB")
    if p99_ms > P99_MAX_MS:
        faults.append(f"another client waited longer than {P99_MAX_MS} ms")
    print("; ".join(faults) or "nothing found")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Damaged sessions against a broker process.")
    parser.add_argument("--count", type=int, default=10_000, help="how many mutations (10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (1)")
    parser.add_argument("--log", type=Path, help="where the broker's log is kept (a temporary file)")
    parser.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe is not None:
        probe(options.probe)
        return 0
    log_path = options.log or Path(tempfile.mkdtemp(prefix="fuzz-")) / "broker.log"
    return run(options.count, options.seed, log_path)


if __name__ == "__main__":
    sys.exit(main())
