"""Metrics of exchanges and virtual hosts, of which only the detailed metrics tell."""

from typing import TYPE_CHECKING, Final

from amqpbroker.management.metrics.clients import gone_of
from amqpbroker.management.metrics.families import COUNTER, GAUGE, Family, Group, Labels, Rows, label
from amqpbroker.model.exchange import Exchange

if TYPE_CHECKING:
    from amqpbroker.server.server import Server


def _exchanges(server: "Server") -> list[tuple[Labels, Exchange]]:
    return [
        ((("vhost", label(vhost.name)), ("exchange", label(exchange.name))), exchange)
        for vhost in server.broker.vhosts.values()
        for exchange in vhost.exchanges.values()
    ]


def _published(server: "Server") -> Rows:
    for labels, exchange in _exchanges(server):
        yield labels, (exchange.counters.publish_in,)


def _bindings(server: "Server") -> Rows:
    for labels, exchange in _exchanges(server):
        yield (*labels, ("type", exchange.type)), (len(exchange.bindings),)


def _names(server: "Server") -> Rows:
    for labels, exchange in _exchanges(server):
        yield (*labels, ("type", exchange.type)), (1,)


def _vhosts(server: "Server") -> Rows:
    for name in list(server.broker.vhosts):
        yield (("vhost", label(name)),), (1,)


PUBLISHED: Final = Group(
    "exchange_metrics",
    (Family("exchange_messages_published_total", COUNTER, "Messages that clients published to the exchange"),),
    _published,
    of_things=True,
    rest=lambda server: (gone_of(server).publish_in,),
)
# Of the whole cluster, for RabbitMQ; what they begin with says so.
CLUSTER: Final = (
    Group("vhost_status", (Family("vhost_status", GAUGE, "1: the virtual host runs"),), _vhosts),
    Group("exchange_bindings", (Family("exchange_bindings", GAUGE, "Bindings of the exchange"),), _bindings),
    Group("exchange_names", (Family("exchange_name", GAUGE, "Always 1; the labels are what there is"),), _names),
)
