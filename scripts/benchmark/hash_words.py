"""Bindings of many `#` and keys of many words: what one publish costs that has to be matched with all of them.

Patterns and keys are of two words alone, so that a `#` may always end in many places. No key comes twice.
"""

import argparse
import random
import time
from typing import Final

from benchmark.tool import CpuWindow, Measurement, percentile, run_tool, tool_parser
from benchmark.wire import Connection, Message

TIMEOUT_S: Final = 300.0
EXCHANGE, QUEUE = "bench.hashes", "bench.hashes"


def measure(options: argparse.Namespace) -> Measurement:
    source = random.Random(options.bindings)

    def words(count: int) -> list[str]:
        return source.choices("ab", k=count)

    setup = Connection(options.port, TIMEOUT_S)
    setup.declare_exchange(EXCHANGE, "topic")
    setup.declare_queue(QUEUE)
    try:
        patterns = {".".join(f"#.{word}" for word in words(options.hashes)) for _ in range(options.bindings)}
        setup.bind_many((QUEUE, EXCHANGE, pattern) for pattern in patterns)
        window = CpuWindow(options.broker_pid)
        times_s = []
        for _ in range(options.keys):
            publish = Message(EXCHANGE, ".".join(words(options.words)), b"").publish(setup.frame_max)
            start_s = time.perf_counter()
            setup.send(publish)
            setup.synchronise()
            times_s.append(time.perf_counter() - start_s)
        mean_s = sum(times_s) / len(times_s)
        return window.close({"mean_ms": mean_s * 1e3, "p99_ms": percentile(sorted(times_s), 0.99) * 1e3})
    finally:
        setup.delete_exchange(EXCHANGE)
        setup.delete_queue(QUEUE)


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--bindings", type=int, default=1_000)
    parser.add_argument("--hashes", type=int, default=60, help="in a pattern")
    parser.add_argument("--words", type=int, default=120, help="of a key")
    parser.add_argument("--keys", type=int, default=500, help="to publish")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
