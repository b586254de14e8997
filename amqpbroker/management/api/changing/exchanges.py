"""Exchanges declared and deleted. Source: RabbitMQ `rabbit_mgmt_wm_exchange`."""

from typing import Final

from starlette.responses import Response

from amqpbroker.management.direct import DirectChannel
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.fields import json_object, short_string, table, text
from amqpbroker.management.requests import ApiRequest, truth
from amqpbroker.management.resources import CREATED, NO_CONTENT, empty_response
from amqpbroker.model.exchange import Exchange as ExchangeModel
from amqpbroker.session.names import clean
from amqpbroker.wire.methods import Exchange

# What paths call the exchange without a name.
DEFAULT_EXCHANGE: Final = "amq.default"


def exchange_name(request: ApiRequest, part: str = "exchange") -> str:
    """The exchange that a part of the path names, there or not. Raises 400."""
    name = short_string(request.part(part), part)
    return "" if name == DEFAULT_EXCHANGE else name


def named_exchange(request: ApiRequest) -> ExchangeModel:
    """The exchange that the path names. Raises 404."""
    exchange = request.vhost.exchanges.get(exchange_name(request))
    if exchange is None:
        raise NotFound
    return exchange


async def put_exchange(request: ApiRequest) -> Response:
    """Declares an exchange: 201 if there was none, 204 if there is the same, 400 if there is another."""
    channel = DirectChannel(request)
    name = exchange_name(request)
    body = await request.object()
    is_new = clean(name) not in request.vhost.exchanges
    channel.do(
        Exchange.Declare(
            exchange=name,
            exchange_type=text(body.get("type", "direct"), "type"),
            passive=truth(body.get("passive", False), "passive"),
            durable=truth(body.get("durable", False), "durable"),
            auto_delete=truth(body.get("auto_delete", False), "auto_delete"),
            internal=truth(body.get("internal", False), "internal"),
            arguments=table(json_object(body.get("arguments", {}), "arguments"), "arguments"),
            nowait=True,
        )
    )
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_exchange(request: ApiRequest) -> Response:
    """Deletes an exchange; if-unused in the query is a condition."""
    exchange = named_exchange(request)
    await request.object()
    DirectChannel(request).do(Exchange.Delete(exchange=exchange.name, if_unused=request.flag("if-unused"), nowait=True))
    await request.recorded()
    return empty_response()
