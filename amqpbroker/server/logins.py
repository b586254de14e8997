"""Which ways to log in a client is offered, and whom it is by those that ask for no password.

Source: RabbitMQ's `rabbit_auth_mechanism_ssl`, `rabbit_auth_mechanism_anonymous` and `rabbit_ssl:peer_cert_auth_name`.
"""

from typing import TYPE_CHECKING, Final

from amqpbroker.server.config import Config

if TYPE_CHECKING:
    import ssl

    from amqpbroker.server.tls_peer import Certificate

# ssl_cert_login_san_type → what Python's ssl calls such a name.
_ALTERNATIVE_NAMES: Final = {"dns": "DNS", "ip": "IP Address", "email": "email", "uri": "URI"}


def mechanisms(config: Config, over_tls: bool) -> tuple[str, ...]:
    """Those that are offered; EXTERNAL to a client without a certificate too, which is told then what is missing."""
    possible = {
        "EXTERNAL": over_tls and config.tls_verify == "peer",
        "ANONYMOUS": bool(config.anonymous_login_user),
    }
    return tuple(name for name in config.auth_mechanisms if possible.get(name, True))


def logins(config: Config, tls: "ssl.SSLObject | None") -> dict[str, tuple[str, str]]:
    """By mechanism (the user's name, why there is none), of which one is empty."""
    known = {"ANONYMOUS": (config.anonymous_login_user, "")} if config.anonymous_login_user else {}
    if tls is not None:
        known["EXTERNAL"] = external_login(tls.getpeercert(), config)
    return known


def external_login(certificate: "Certificate | None", config: Config) -> tuple[str, str]:
    """(the name of the user, why there is none), of which one is empty."""
    if not certificate:
        return "", "connection peer presented no TLS (x.509) certificate"
    if config.ssl_cert_login_from == "distinguished_name":
        from amqpbroker.server.tls_peer import distinguished_name  # most have no TLS

        name = distinguished_name(certificate["subject"])
    elif config.ssl_cert_login_from == "common_name":
        name = ",".join(value for part in certificate["subject"] for kind, value in part if kind == "commonName")
    else:
        wanted = _ALTERNATIVE_NAMES[config.ssl_cert_login_san_type]
        found = [value for kind, value in certificate.get("subjectAltName", ()) if kind == wanted]
        name = "".join(found[config.ssl_cert_login_san_index :][:1])
    return (name, "") if name else ("", "no name found")
