"""Churn, one after another: connections that log in, declare a queue and close; channels that open and close."""

import argparse

from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import CHANNEL, Connection


def measure(options: argparse.Namespace) -> Measurement:
    return _churn_channels(options) if options.channels else _churn_connections(options)


def _churn_connections(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    count = 0
    while window.elapsed_s() < options.seconds:
        connection = Connection(options.port)
        connection.declare_queue(f"bench.churn.{count}", exclusive=True)
        connection.close_channel(CHANNEL)
        connection.close()
        count += 1
    return window.close({"connections_per_s": count / window.elapsed_s()})


def _churn_channels(options: argparse.Namespace) -> Measurement:
    connection = Connection(options.port)
    window = CpuWindow(options.broker_pid)
    count = 0
    while window.elapsed_s() < options.seconds:
        connection.open_channel(CHANNEL + 1)
        connection.close_channel(CHANNEL + 1)
        count += 1
    return window.close({"channels_per_s": count / window.elapsed_s()})


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--channels", action="store_true", help="churn channels of one connection, not connections")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
