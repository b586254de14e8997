"""The benchmark behind `scripts/bench`: load tools, the table's rows, the brokers they run against, and the report.

A load tool is a module run as a process of its own (`python -m benchmark.load ...`). It prints one JSON line, so that
the very same work runs against every broker and its processor time is counted apart from everything else.
"""
