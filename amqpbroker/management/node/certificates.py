"""When the certificates that the broker shows end.

Source: RabbitMQ `rabbit_mgmt_wm_health_check_certificate_expiration`.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amqpbroker.management.node.listeners import listeners

if TYPE_CHECKING:
    from amqpbroker.server.server import Server


def expiring(server: "Server", until: datetime) -> list[dict[str, Any]]:
    """Where something listens with a certificate that ends before that, or with an authority's that does."""
    config = server.config
    with_tls = [one for one in listeners(server) if one.tls]
    if not with_tls:
        return []
    shown = [config.tls_cert, *(named.certificate for named in config.tls_sni)]
    own = [end for path in shown for end in _ends_before(path, until)]
    authorities = _ends_before(config.tls_ca, until)
    if not own and not authorities:
        return []
    return [
        {
            "node": server.broker.node_name,
            "protocol": one.protocol,
            "interface": one.host,
            "port": one.port,
            "certfile": config.tls_cert or "",
            "cacertfile": config.tls_ca or "",
            "certfile_expires_on": own,
            "cacertfile_expires_on": authorities,
        }
        for one in with_tls
    ]


def _ends_before(path: str | None, until: datetime) -> list[str]:
    """When each certificate in a file ends, of those that end before that; or why it cannot be told."""
    if path is None:
        return []
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        return [f"the certificates cannot be read: {error}"]
    return [f"{one.not_valid_after_utc:%Y-%m-%d %H:%M:%S}" for one in found if one.not_valid_after_utc < until]
