"""The log as messages: every record goes to amq.rabbitmq.log, with its level as routing key.

Source: RabbitMQ's `rabbit_logger_exchange_h`; docs/behaviour/observing.md.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final

from amqpbroker.model.vhost import VirtualHost
from amqpbroker.server.logs import JSONFormatter, TextFormatter
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import long_string

LOG_EXCHANGE: Final = "amq.rabbitmq.log"
# Whose records they are: the broker's own, and nothing of what it is embedded in.
_SOURCE: Final = logging.getLogger("amqpbroker")


class LogExchangeHandler(logging.Handler):
    """Publishes records to the exchange of a virtual host, which it declares; nothing while nobody is bound.

    Whatever thread a record is from, it is published on the loop, and a record that its publishing gives rise to is not
    published: there would be no end of it.
    """

    def __init__(
        self,
        vhost: VirtualHost,
        node_name: str,
        loop: asyncio.AbstractEventLoop,
        published: Callable[[], None],
    ) -> None:
        """published: called on the loop when there may be something to write."""
        super().__init__()
        self._vhost = vhost
        self._headers = {"node": long_string(node_name)}
        self._loop = loop
        self._published = published
        self._publishing_thread: int | None = None
        self._exchange = vhost.declare_own(LOG_EXCHANGE)
        self._former_level: int | None = None

    def begin(self, level: str, log_format: str) -> None:
        """From now on records of this level and above are published. log_format: text or json, as in `Config`."""
        self.setLevel(level.upper())
        self.setFormatter(JSONFormatter() if log_format == "json" else TextFormatter())
        self._former_level = _SOURCE.level
        _SOURCE.setLevel(min(self.level, _SOURCE.getEffectiveLevel()))
        _SOURCE.addHandler(self)

    def end(self) -> None:
        """From now on none is."""
        _SOURCE.removeHandler(self)
        if self._former_level is not None:
            _SOURCE.setLevel(self._former_level)

    def emit(self, record: logging.LogRecord) -> None:
        """Puts a record together where it was made, and hands it to the loop."""
        if not self._exchange.bindings or threading.get_ident() == self._publishing_thread or self._loop.is_closed():
            return
        is_json = isinstance(self.formatter, JSONFormatter)
        properties = Properties(
            content_type="application/json" if is_json else "text/plain",
            headers=self._headers,
            timestamp=int(record.created),
        )
        body = f"{self.format(record)}\n".encode()
        self._loop.call_soon_threadsafe(self._publish, record.levelname.lower(), properties, body)

    def _publish(self, routing_key: str, properties: Properties, body: bytes) -> None:
        self._publishing_thread = threading.get_ident()
        try:
            self._vhost.publish_from_server(LOG_EXCHANGE, routing_key, properties, body)
        finally:
            self._publishing_thread = None
        self._published()
