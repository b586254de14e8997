"""Erlang's two formulas: the chance that all consumers are busy. Pure arithmetic, without a library.

The recurrence of B goes up from no consumer, and multiplies and adds positive numbers only: it neither overflows, as
powers and factorials do, nor loses digits.
"""


def erlang_b(offered: float, consumers: int) -> float:
    """Erlang B: the chance that a message is lost where none may wait, M/M/c/c.

    offered: a = λ/μ, in erlangs. Source: Erlang 1917; the recurrence is in Gross et al. 2008, section 2.5, and
    Cooper 1981, Introduction to Queueing Theory, p. 82.
    """
    blocked = 1.0
    for number in range(1, consumers + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked


def erlang_c(offered: float, consumers: int) -> float:
    """Erlang C: the chance that a message has to wait in M/M/c, offered < consumers.

    offered: a = λ/μ, in erlangs. From B: C = B / (1 − ρ(1 − B)); source: Erlang 1917; Cooper 1981, p. 92.
    """
    blocked = erlang_b(offered, consumers)
    return blocked / (1 - offered / consumers * (1 - blocked))
