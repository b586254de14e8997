"""Sockets, clocks, tasks, signals, configuration: what the rooms below are fed by."""
