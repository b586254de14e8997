"""Every setting of the broker (`settings`), what it accepts (`kinds`) and where its value comes from (`loading`)."""

from amqpbroker.server.config.errors import ConfigError, nearest
from amqpbroker.server.config.kinds import ConfiguredUser, Watermark
from amqpbroker.server.config.loading import load
from amqpbroker.server.config.rows import Setting
from amqpbroker.server.config.settings import SETTINGS, Config

__all__ = [
    "SETTINGS",
    "Config",
    "ConfigError",
    "ConfiguredUser",
    "Setting",
    "Watermark",
    "load",
    "nearest",
]
