"""`amqpbroker capacity availability`: the chance that something is up, from how often it fails and is repaired."""

from argparse import ArgumentParser, Namespace
from decimal import Decimal
from typing import Final

from amqpbroker.capacity.models.availability import k_of_n, parallel, series
from amqpbroker.capacity.models.load import check_count
from amqpbroker.capacity.units import parse_duration_s, show_duration
from amqpbroker.cli.capacity.asking import add_json, answer
from amqpbroker.cli.tables import say_json, say_pairs

_YEAR_S: Final = 365.25 * 86_400
_GROUPS_MAX: Final = 1_000


def run(arguments: list[str]) -> int:
    """Reckon, say it, and give the exit code: 0 fine, 2 wrong input."""
    parser = ArgumentParser(
        "amqpbroker capacity availability",
        description="The chance that enough of some nodes are up, which fail and are repaired independently.",
        epilog="exit codes: 0 fine, 2 usage",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--mtbf", required=True, metavar="TIME", help="how long a node is up before it fails, on average: 30d")
    add("--mttr", required=True, metavar="TIME", help="how long it then is down, on average: 10min")
    add("--nodes", type=int, default=1, metavar="N", help="how many there are; 1 if not named")
    add("--needed", type=int, metavar="K", help="how many have to be up; one if not named")
    add("--crews", type=int, metavar="N", help="how many can be repaired at a time; all of them if not named")
    add("--in-series", type=int, default=1, metavar="N", help="so many of such groups, all of which are needed")
    add("--in-parallel", type=int, default=1, metavar="N", help="so many of all that, any one of which is enough")
    add_json(parser)
    return answer(parser, arguments, _reckon)


def _reckon(options: Namespace) -> None:
    group = k_of_n(
        parse_duration_s(options.mtbf, "--mtbf"),
        parse_duration_s(options.mttr, "--mttr"),
        options.nodes,
        1 if options.needed is None else options.needed,
        options.crews,
    )
    for name, number in (("--in-series", options.in_series), ("--in-parallel", options.in_parallel)):
        check_count(name, number, _GROUPS_MAX)
    found = parallel([series([group] * options.in_series)] * options.in_parallel)
    if options.json:
        say_json(
            {
                "up": found.up,
                "down": found.down,
                "down_s_per_year": found.down * _YEAR_S,
                "outages_per_year": found.outages_per_s * _YEAR_S,
                "outage_mean_s": found.outage_s,
                "between_outages_mean_s": found.between_outages_s,
            }
        )
        return
    say_pairs(
        [
            ("up", _percent(found.down)),
            ("down in a year", show_duration(found.down * _YEAR_S)),
            ("an outage, mean", show_duration(found.outage_s)),
            ("between outages, mean", show_duration(found.between_outages_s)),
        ]
    )


def _percent(down: float) -> str:
    """The chance to be up with the first two digits that are not 9: 99.9990%."""
    digits = 2
    while digits < 20 and down * 100 < 10 ** (1 - digits):
        digits += 1
    return f"{100 - Decimal(down) * 100:.{digits}f}%"
