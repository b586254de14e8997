"""What changes with time is told with its rate, and with its past where that is asked for.

Fields whose name ends in `_details` are told without a rate by whoever tells the number; here they get it, since rate
and past are the same matter for queues, connections and the whole broker.

Source: RabbitMQ `rabbit_mgmt_util:range_ceil`, `rabbit_mgmt_stats:format_range`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from amqpbroker.management.lists.columns import DETAILS
from amqpbroker.management.statistics.history import LENGTHS, TRAFFIC, History
from amqpbroker.management.statistics.series import Series, Span, details, read_span


class Rates:
    """Those of one request. query: may ask for the past."""

    def __init__(self, history: History, query: Mapping[str, str]) -> None:
        self._history = history
        self._lengths = read_span(query, "lengths")
        self._messages = read_span(query, "msg_rates")
        self._traffic = read_span(query, "data_rates")
        self._asks_for_past = any((self._lengths, self._messages, self._traffic))

    def put_into(self, thing: object, told: dict[str, Any]) -> dict[str, Any]:
        """Puts the rates into what is told of a thing."""
        series = self._history.series_of(getattr(thing, "subject", thing))
        if series is not None or self._asks_for_past:
            self._put_all([series] if series is not None else [], told)
        return told

    def put_totals_into(self, things: Sequence[object], told: dict[str, Any]) -> None:
        """The same for the sum of some things."""
        series = [one for thing in things if (one := self._history.series_of(thing)) is not None]
        self._put_all(series, told)

    def _put_all(self, all_series: Sequence[Series], told: dict[str, Any]) -> None:
        for name in list(told):
            if name == "message_stats":
                self._put_all(all_series, told[name])
                continue
            number = name.removesuffix(DETAILS)
            if number != name and number in told and all(series.knows(number) for series in all_series):
                span = self._span_of(number)
                told[name] = details(all_series, number, told[number], span, self._history.last_ms)

    def _span_of(self, number: str) -> Span | None:
        if number in LENGTHS:
            return self._lengths
        return self._traffic if number in TRAFFIC else self._messages
