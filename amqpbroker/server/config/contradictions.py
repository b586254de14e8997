"""What settings must not be together: each would be a broker that does not do, or is less safe than, what it says."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from amqpbroker.server.config.errors import ConfigError

if TYPE_CHECKING:
    from amqpbroker.server.config.settings import Config


def refuse_contradictions(config: "Config") -> None:
    """ConfigError: the first that is found, and what to do."""
    refuse_both_kept({"memory": config.memory, "data_dir": config.data_dir}, "memory", "data_dir")
    if (not config.hosts or config.port == config.tls_port == -1) and config.unix_socket is None:
        raise ConfigError("hosts: there is nothing to listen on; name an address and a port, or a unix_socket")
    if config.frame_max_bytes < config.profile.frame_max_min_bytes:
        raise ConfigError(
            f"frame_max_bytes: {config.frame_max_bytes} is less than {config.profile.frame_max_min_bytes}, the least "
            f"in profile {config.profile.name}; give more, or choose profile 3.13"
        )
    asked_for = "tls_port" if config.tls_port != -1 else "http_tls" if config.http_tls else None
    if asked_for and config.tls_cert is None:
        raise ConfigError(
            f"{asked_for}: TLS needs a certificate; set tls_cert and tls_key, or make them by amqpbroker dev-cert"
        )
    if config.tls_port != -1 and not config.hosts:
        raise ConfigError("tls_port: there is no address to listen on; name one in hosts, or leave tls_port out")
    if config.tls_verify == "peer" and config.tls_ca is None:
        raise ConfigError(
            "tls_verify: peer needs the authorities that are trusted; set tls_ca, or leave tls_verify out"
        )
    if config.tls_fail_if_no_peer_cert and config.tls_verify != "peer":
        raise ConfigError(
            "tls_fail_if_no_peer_cert: clients are not asked for a certificate; set tls_verify to peer as well"
        )
    if config.test_api and config.http_port == -1:
        raise ConfigError(
            "test_api: it is asked for over HTTP; set http_port (0 = any free one), or leave test_api out"
        )
    if config.proxy_protocol and not config.proxy_protocol_from:
        raise ConfigError("proxy_protocol: no proxy is believed; name the networks they are in in proxy_protocol_from")


def refuse_both_kept(values: Mapping[str, Any], memory: str, data_dir: str) -> None:
    """One source may not ask for memory and for a directory. ConfigError, with the names given."""
    if values.get("memory") and values.get("data_dir"):
        raise ConfigError(f"{memory} and {data_dir}: messages are kept in one place; leave one of them out")
