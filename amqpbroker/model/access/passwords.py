"""Passwords as RabbitMQ keeps them: four octets of salt and the digest of salt and password, in base64.

Definitions of either broker carry these, so a user who moves keeps the password.
Source: RabbitMQ `rabbit_password` and the modules `rabbit_password_hashing_*`.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

SALT_BYTES: Final = 4
SHA256: Final = "rabbit_password_hashing_sha256"
SHA512: Final = "rabbit_password_hashing_sha512"
# RabbitMQ's until 3.6, for users that old.
MD5: Final = "rabbit_password_hashing_md5"
ALGORITHMS: Final = {SHA256: "sha256", SHA512: "sha512", MD5: "md5"}


def hash_password(password: bytes, salt: bytes, algorithm: str = SHA256) -> str:
    """The hash to keep. salt: SALT_BYTES octets that nobody can foresee."""
    return base64.b64encode(salt + _digest(password, salt, algorithm)).decode()


def is_password(password: bytes, password_hash: str, algorithm: str) -> bool:
    """Whether the hash is this password's, found out in a time that tells nothing of it.

    A hash that is empty or none of ours is no password's, nor is an empty password anybody's.
    """
    octets = _octets(password_hash) or b""
    salt, digest = octets[:SALT_BYTES], octets[SALT_BYTES:]
    return hmac.compare_digest(_digest(password, salt, algorithm), digest) and password != b""


def is_hash(text: str) -> bool:
    """Whether a text can be kept as a hash: base64, or empty for a user who has no password."""
    return _octets(text) is not None


def _octets(password_hash: str) -> bytes | None:
    try:
        return base64.b64decode(password_hash, validate=True)
    except (binascii.Error, ValueError):  # ValueError: not ASCII
        return None


def _digest(password: bytes, salt: bytes, algorithm: str) -> bytes:
    return hashlib.new(ALGORITHMS[algorithm], salt + password, usedforsecurity=False).digest()
