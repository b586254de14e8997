"""What the keys of TLS, of HTTP, of proxies and of ways to log in mean here.

There is one certificate for AMQP and for HTTP. Where a file has another one for its management, that is not read, and
told as whatever means nothing here.
Source: RabbitMQ's rabbit.schema (ssl_options, auth_mechanisms, ssl_cert_login_*) and rabbitmq_management.schema.
"""

from typing import Any, Final

from amqpbroker.server.config.conf_lines import ConfLines
from amqpbroker.server.config.conf_values import is_true, read_setting
from amqpbroker.server.config.tls_kinds import MECHANISMS, TLS_VERSIONS

_HTTP: Final = ("management.ssl", "management.listener.ssl_opts", "prometheus.ssl")
_PATHS: Final = {
    "certfile": "tls_cert",
    "keyfile": "tls_key",
    "cacertfile": "tls_ca",
    "password": "tls_key_password",
}
_VERIFY: Final = {"verify_peer": "peer", "verify_none": "none"}


def tls_settings(conf: ConfLines) -> dict[str, Any]:
    """The settings that these keys make up. ConfigError: a value that cannot be used."""
    return _certificates(conf) | _how(conf) | _http(conf) | _logins(conf)


def _certificates(conf: ConfLines) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for option, name in _PATHS.items():
        for place in ("ssl_options", *_HTTP):
            known = values.get(name)
            for line in conf.take(f"{place}.{option}", *([] if known is None else [known])):
                values[name] = read_setting(line, name)
    return values


def _how(conf: ConfLines) -> dict[str, Any]:
    """Clients' certificates are asked for by AMQP alone."""
    values: dict[str, Any] = {}
    for line in conf.take("ssl_options.verify"):
        values["tls_verify"] = read_setting(line, "tls_verify", _VERIFY.get(line.value, line.value))
    for line in conf.take("ssl_options.fail_if_no_peer_cert"):
        values["tls_fail_if_no_peer_cert"] = is_true(line)
    if versions := [line.value for line in conf.take("ssl_options.versions.$version", "tlsv1.2", "tlsv1.3")]:
        values["tls_versions"] = TLS_VERSIONS.read(versions)
    if ciphers := [line.value for line in conf.take("ssl_options.ciphers.$cipher")]:
        values["tls_ciphers"] = tuple(ciphers)
    for line in conf.take("proxy_protocol"):
        values["proxy_protocol"] = is_true(line)
    return values


def _http(conf: ConfLines) -> dict[str, Any]:
    """Where the management listens, with TLS or without: a second port that is plain is not there."""
    values: dict[str, Any] = {}
    for line in conf.take("management.listener.ssl"):
        values["http_tls"] = is_true(line)
    for place in ("management.ssl", "management.tcp", "management.listener"):
        for line in conf.take(f"{place}.port"):
            values["http_port"] = read_setting(line, "http_port")
            values.setdefault("http_tls", place == "management.ssl")
        for line in conf.take(f"{place}.ip"):
            values["http_addresses"] = read_setting(line, "http_addresses")
        if values.keys() & {"http_port", "http_addresses"}:
            break
    return values


def _logins(conf: ConfLines) -> dict[str, Any]:
    values: dict[str, Any] = {}
    known = ("PLAIN", "AMQPLAIN", "EXTERNAL", "ANONYMOUS")
    if mechanisms := [line.value for line in conf.take("auth_mechanisms.$name", *known)]:
        values["auth_mechanisms"] = MECHANISMS.read(mechanisms)
    for line in conf.take("anonymous_login_user"):
        values["anonymous_login_user"] = "" if line.value == "none" else line.value
    for line in conf.take("ssl_cert_login_from"):
        longer = "subject_alternative_name" if line.value == "subject_alt_name" else line.value
        values["ssl_cert_login_from"] = read_setting(line, "ssl_cert_login_from", longer)
    for name in ("ssl_cert_login_san_type", "ssl_cert_login_san_index"):
        for line in conf.take(name):
            values[name] = read_setting(line, name)
    return values
