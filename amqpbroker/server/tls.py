"""TLS: what the server shows and whom it trusts, from files that may change while it runs.

Whoever listens does so with one context that stays. What a client is shown is picked in its handshake: by the name of
the server it asks for, and from the files as they are by then. There is no session to resume: a client whose authority
is trusted no more is not let in by a ticket of before.
"""

import contextlib
import logging
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from amqpbroker.server.config import Config, ConfigError

logger = logging.getLogger("amqpbroker.tls")

_VERSIONS: Final = {"tlsv1.2": ssl.TLSVersion.TLSv1_2, "tlsv1.3": ssl.TLSVersion.TLSv1_3}
_MISMATCHES: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
_READABLE_BY_ALL: Final = 0o004


@dataclass(frozen=True, slots=True)
class _Pair:
    """A certificate and its key. setting, key_setting: what names them in the configuration."""

    certificate: str
    key: str
    setting: str
    key_setting: str


class Tls:
    """amqp, http: the contexts to listen with; clients are asked for certificates by AMQP alone."""

    def __init__(self, config: Config) -> None:
        """Raises ConfigError."""
        assert config.tls_cert is not None
        self._config = config
        self._pair = _Pair(config.tls_cert, config.tls_key or config.tls_cert, "tls_cert", "tls_key")
        self._named = {
            named.name: _Pair(
                named.certificate, named.key or named.certificate, f"tls_sni {named.name}", f"tls_sni {named.name}"
            )
            for named in config.tls_sni
        }
        self._seen = self._look()
        self._shown, self._shown_by_name = self._load()
        self.amqp = self._listened_with()
        self.http = self._listened_with()
        self.http.verify_mode = ssl.CERT_NONE

    def refresh(self) -> None:
        """Reads the files again if one of them has changed since it was read."""
        if self._look() != self._seen:
            self.reload()

    def reload(self) -> None:
        """Reads the files again. Those that cannot be used are logged, and what was read before stays in use."""
        self._seen = self._look()
        try:
            self._shown, self._shown_by_name = self._load()
        except ConfigError as error:
            logger.error("the certificates that were read before stay in use: %s", error)
        else:
            logger.info("the certificates were read again")

    def _look(self) -> list[tuple[int, int, int] | None]:
        """What a change of any file changes."""
        return [_signature(path) for path in self._paths()]

    def _paths(self) -> Iterator[str]:
        for pair in (self._pair, *self._named.values()):
            yield pair.certificate
            yield pair.key
        if self._config.tls_ca is not None:
            yield self._config.tls_ca

    def _listened_with(self) -> ssl.SSLContext:
        context = self._bare_context()
        context.sni_callback = self._pick
        return context

    def _pick(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """OpenSSL asks in every handshake, also where the client names nobody."""
        self.refresh()
        wanted = (name or "").lower()
        any_of_them = "*." + wanted.partition(".")[2]
        by_name = self._shown_by_name
        connection.context = by_name.get(wanted) or by_name.get(any_of_them) or self._shown

    def _load(self) -> tuple[ssl.SSLContext, dict[str, ssl.SSLContext]]:
        """What is shown to whom from now on. Raises ConfigError."""
        named = {name: self._context(pair) for name, pair in self._named.items()}
        return self._context(self._pair), named

    def _context(self, pair: _Pair) -> ssl.SSLContext:
        context = self._bare_context()
        self._load_pair(context, pair)
        authorities = self._config.tls_ca
        if authorities is not None:
            _read(authorities, "tls_ca", "CERTIFICATE")
            try:
                context.load_verify_locations(authorities)
            except OSError as error:
                raise _unusable("tls_ca", authorities, error) from None
        return context

    def _bare_context(self) -> ssl.SSLContext:
        config = self._config
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        versions = [_VERSIONS[name] for name in config.tls_versions]
        context.minimum_version, context.maximum_version = min(versions), max(versions)
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0
        if config.tls_verify == "peer":
            context.verify_mode = ssl.CERT_REQUIRED if config.tls_fail_if_no_peer_cert else ssl.CERT_OPTIONAL
        # Those of TLS 1.3 are not for Python to choose, and all of them are safe.
        if ciphers := [name for name in config.tls_ciphers if not name.startswith("TLS_")]:
            try:
                context.set_ciphers(":".join(ciphers))
            except ssl.SSLError:
                raise ConfigError(
                    f"tls_ciphers: OpenSSL knows no suite of {', '.join(ciphers)}; "
                    "use names that `openssl ciphers` prints, or leave it out"
                ) from None
        return context

    def _load_pair(self, context: ssl.SSLContext, pair: _Pair) -> None:
        certificates = _read(pair.certificate, pair.setting, "CERTIFICATE")
        _read(pair.key, pair.key_setting, "PRIVATE KEY")
        password = self._config.tls_key_password
        asked_for = False

        def given_password() -> str:
            # OpenSSL would ask whoever sits at the terminal.
            nonlocal asked_for
            asked_for = True
            return password or ""

        try:
            context.load_cert_chain(pair.certificate, pair.key, given_password)
        except (OSError, ValueError) as error:
            where = f"{pair.key_setting}: {pair.key}"
            if isinstance(error, ssl.SSLError) and error.reason in _MISMATCHES:
                text = (
                    f"{where}: is not the key of the certificate {pair.certificate}; give the two that belong together"
                )
            elif asked_for and password is None:
                text = f"{where}: the key is encrypted; set tls_key_password, or give a key that is not"
            elif asked_for:
                text = f"{where}: tls_key_password is not the password of the key; change it"
            else:
                raise _unusable(pair.setting, f"{pair.certificate}, {pair.key}", error) from None
            raise ConfigError(text) from None
        _warn_of_dates(pair.certificate, certificates)
        _warn_of_rights(pair.key)


def _signature(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: str, setting: str, kind: str) -> bytes:
    """The file's content, which has PEM of that kind. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise ConfigError(
            f"{setting}: {path}: cannot be read ({error.strerror}); name a file that can be read"
        ) from None
    if kind.encode() + b"-----" not in content:
        what = "certificate" if kind == "CERTIFICATE" else "key"
        raise ConfigError(
            f"{setting}: {path}: there is no {what} in PEM in it (-----BEGIN …{kind}-----); name one that has"
        )
    return content


def _unusable(setting: str, path: str, error: Exception) -> ConfigError:
    reason = getattr(error, "reason", None) or str(error)
    return ConfigError(f"{setting}: {path}: OpenSSL cannot use it ({reason.replace('_', ' ').lower()}); give another")


def _warn_of_rights(key: str) -> None:
    with contextlib.suppress(OSError):  # it has gone since it was read
        if os.name == "posix" and os.stat(key).st_mode & _READABLE_BY_ALL:
            logger.warning("%s: every user of this machine can read the key; chmod 600 it", key)


def _warn_of_dates(path: str, certificates: bytes) -> None:
    """An expired certificate is shown all the same: the broker serves those who do not verify it."""
    try:
        from cryptography import x509  # 60 ms that only a start with TLS pays
    except ImportError:
        logger.info("whether certificates have expired is not looked at: pip install amqpbroker[management]")
        return
    try:
        certificate = x509.load_pem_x509_certificates(certificates)[0]
    except ValueError as error:
        logger.warning("%s: cannot tell when it expires (%s)", path, error)
        return
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        logger.warning("%s: the certificate has expired on %s; renew it", path, certificate.not_valid_after_utc)
    elif certificate.not_valid_before_utc > now:
        logger.warning("%s: the certificate is not valid before %s", path, certificate.not_valid_before_utc)
