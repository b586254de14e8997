"""What scripts/kill_loop and scripts/power_cut_loop share.

Clients that keep books, a broker that is killed, a disk that loses its power, and the comparison of what was promised
with what came back.
"""
