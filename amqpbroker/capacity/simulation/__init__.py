"""A queue on a clock that is turned by hand: a publisher, consumers, and the broker's own session and model between.

What passes between them are octets of AMQP, as over a socket; only sockets, threads and waiting are left out.
"""
