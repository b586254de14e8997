"""What is told of the TLS of a connection, in the words of RabbitMQ."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """protocol: such as `tlsv1.3`. key_exchange, cipher, hash: `any`, `aes_256_gcm`, `aead`.

    peer_certificate: what the client has shown of itself, if it has.
    """

    protocol: str
    key_exchange: str
    cipher: str
    hash: str
    peer_certificate: "CertificateFacts | None" = None


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """subject, issuer: RFC 4514. validity: its first and its last second. serial_number: in decimal."""

    subject: str
    issuer: str
    validity: str
    serial_number: str
