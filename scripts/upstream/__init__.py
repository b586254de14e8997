"""Behind `scripts/upstream_suites`: the test suites that the clients' authors ship, run where our broker listens.

Nothing of theirs is in this checkout. Each suite is run from its source distribution, unpacked in a cache directory,
with a plugin of ours (`plugins/`) in place of the containers it expects. What is left out and why is in `suites.py`.
"""
