"""What queueing models predict, beside what queues do: simulated ones, and those of a broker that runs.

`scripts/capacity_experiment` starts it; what came of it is in docs/capacity.json and docs/capacity.md.
"""
