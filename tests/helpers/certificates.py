"""An authority of a test's own, and the certificates that it issues."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import trustme

EXPIRED = {"not_before": datetime(2001, 1, 1, tzinfo=UTC), "not_after": datetime(2002, 1, 1, tzinfo=UTC)}
LOCAL = ("localhost", "127.0.0.1")


class Pair(NamedTuple):
    """Paths of a certificate and its key."""

    certificate: str
    key: str


class Authority:
    """path: of its own certificate."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.path = str(folder / f"{name}.pem")
        self._authority.cert_pem.write_to_path(self.path)

    def issue(self, name: str, *identities: str, **about: Any) -> Pair:
        """A certificate for these identities, by default for this machine. name: of the files."""
        issued = self._authority.issue_cert(*(identities or LOCAL), **about)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        key.chmod(0o600)
        return Pair(str(certificate), str(key))

    def own(self) -> Pair:
        """Its own certificate, which nobody else has signed."""
        key = self._folder / "own.key"
        key.write_bytes(self._authority.private_key_pem.bytes())
        return Pair(self.path, str(key))

    def server_settings(self, pair: Pair | None = None, **settings: Any) -> dict[str, Any]:
        """A server that speaks TLS on any free port, and shows that certificate."""
        pair = pair or self.issue("server")
        shown = {"tls_port": 0, "tls_cert": pair.certificate, "tls_key": pair.key}
        return shown | settings

    def verifying(self) -> dict[str, Any]:
        """The settings that ask clients for a certificate of this authority."""
        return {"tls_ca": self.path, "tls_verify": "peer"}

    def client_context(self, pair: Pair | None = None) -> ssl.SSLContext:
        """A client that trusts this authority, and shows that certificate, if any."""
        context = ssl.create_default_context(cafile=self.path)
        if pair is not None:
            context.load_cert_chain(*pair)
        return context
