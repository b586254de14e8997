"""Policies, runtime parameters and limits: what an operator says about queues and exchanges beyond their arguments."""
