"""The same load on a plain queue and on one with arguments, in turn: what the arguments cost.

Both queues get the same messages: with priorities where the queue has levels for them.
"""

import argparse
from typing import Final

from benchmark.load import load_parser, measure_on
from benchmark.tool import CpuWindow, Measurement, run_tool
from benchmark.wire import Topology, table

# Each kind goes first once and last once: what changes on the machine meanwhile meets both.
_WITH_ARGUMENTS: Final = (False, True, True, False)


def measure(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    options.seconds /= 2
    rates: dict[bool, list[float]] = {False: [], True: []}
    for with_arguments in _WITH_ARGUMENTS:
        arguments = table({options.argument: options.value} if with_arguments else {})
        topology = Topology(
            "bench.beside", options.queues, options.vary, arguments=arguments, priorities=options.priorities
        )
        rates[with_arguments].append(measure_on(topology, options).figures["messages_per_s"])
    plain_per_s, beside_per_s = (sum(each) / len(each) for each in rates.values())
    return window.close({"plain_per_s": plain_per_s, "beside_per_s": beside_per_s, "share": beside_per_s / plain_per_s})


def main() -> None:
    parser = load_parser(__doc__)
    parser.add_argument("--argument", required=True, help="the name of the queue's argument")
    parser.add_argument("--value", type=int, required=True, help="its value")
    parser.add_argument("--priorities", type=int, default=0, help="messages have a priority below that, in turn")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
