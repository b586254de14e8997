"""What is shown in which handshake, from files that change; and which files are refused, in which words."""

import logging
import os
import shutil
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from amqpbroker.server.config import Config, ConfigError
from amqpbroker.server.config.tls_kinds import NamedCertificate
from amqpbroker.server.tls import Tls
from tests.helpers.certificates import EXPIRED, Authority, Pair

needs_posix = pytest.mark.skipif(os.name != "posix", reason="files have no such rights here")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def made(authority: Authority, pair: Pair | None = None, **settings: object) -> Tls:
    return Tls(Config(**authority.server_settings(pair, **settings)))


def refusal(*arguments: object, **settings: object) -> str:
    with pytest.raises(ConfigError) as raised:
        made(*arguments, **settings)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> ssl.SSLObject:
    """The server's side of a handshake without a socket. Raises what fails there, or at the client."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = client.wrap_bio(to_client, to_server, server_hostname=name)
    here = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [there, here]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            here.shown = there.getpeercert()  # type: ignore[attr-defined]
            return here
    raise AssertionError("the handshake does not end")


def shown(tls: Tls, authority: Authority, name: str = "localhost") -> str:
    """The first name of the certificate that a client is shown who asks for a server of that name."""
    client = authority.client_context()
    client.check_hostname = False
    return shake_hands(tls.amqp, client, name).shown["subjectAltName"][0][1]  # type: ignore[attr-defined]


# What is shown


def test_the_certificate_is_shown_to_whoever_asks(authority):
    assert shown(made(authority), authority) == "localhost"


def test_the_name_that_a_client_asks_for_picks_the_certificate(authority):
    named = [
        NamedCertificate(name, *authority.issue(f"named-{number}", name))
        for number, name in enumerate(("a.example", "*.b.example"))
    ]
    tls = made(authority, tls_sni=tuple(named))
    assert shown(tls, authority, "A.example") == "a.example"
    assert shown(tls, authority, "x.b.example") == "*.b.example"
    assert [shown(tls, authority, name) for name in ("c.example", "b.example", "y.x.b.example")] == ["localhost"] * 3


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_before_tls_1_2_nothing_is_spoken(authority):
    context = made(authority).amqp
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    old = authority.client_context()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shake_hands(context, old)


def test_versions_and_suites_are_those_of_the_settings(authority):
    tls = made(authority, tls_versions=("tlsv1.2",), tls_ciphers=("ECDHE-ECDSA-AES128-GCM-SHA256",))
    here = shake_hands(tls.amqp, authority.client_context())
    assert (here.version(), here.cipher()[0]) == ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")


def test_suites_of_tls_1_3_among_the_others_are_no_fault(authority):
    made(authority, tls_ciphers=("TLS_AES_256_GCM_SHA384",))
    made(authority, tls_ciphers=("TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"))


def test_no_session_is_there_to_be_resumed(authority):
    client = authority.client_context()
    assert made(authority).amqp.num_tickets == 0
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    here = shake_hands(made(authority).amqp, client)
    assert not here.session.has_ticket


# Client certificates


def test_a_certificate_of_a_trusted_authority_is_known(authority):
    client = authority.client_context(authority.issue("client", "client.example"))
    here = shake_hands(made(authority, **authority.verifying()).amqp, client)
    assert here.getpeercert()["subjectAltName"] == (("DNS", "client.example"),)


def test_a_client_without_one_is_let_in_unless_it_must_have_one(authority):
    settings = authority.verifying()
    assert not shake_hands(made(authority, **settings).amqp, authority.client_context()).getpeercert()
    with pytest.raises(ssl.SSLError, match="peer did not return a certificate"):
        shake_hands(made(authority, tls_fail_if_no_peer_cert=True, **settings).amqp, authority.client_context())


@pytest.mark.parametrize("fault", ["of another authority", "expired"])
def test_a_certificate_that_is_not_trusted_is_refused(authority, tmp_path, fault):
    pair = authority.issue("client", **EXPIRED) if fault == "expired" else Authority(tmp_path / "other").issue("client")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made(authority, **authority.verifying()).amqp, authority.client_context(pair))


def test_clients_of_http_are_not_asked_for_one(authority):
    tls = made(authority, tls_fail_if_no_peer_cert=True, **authority.verifying())
    assert shake_hands(tls.http, authority.client_context()).version() == "TLSv1.3"


# Files that change


def test_a_renewed_certificate_is_shown_from_then_on(authority, caplog):
    caplog.set_level(logging.INFO, "amqpbroker.tls")
    tls = made(authority)
    assert shown(tls, authority) == "localhost"
    authority.issue("server", "renewed.example")
    assert shown(tls, authority) == "renewed.example"
    assert "the certificates were read again" in caplog.messages


def test_an_authority_that_is_trusted_no_more_lets_nobody_in(authority, tmp_path):
    client = authority.client_context(authority.issue("client"))
    trusted = tmp_path / "trusted.pem"
    shutil.copy(authority.path, trusted)
    tls = made(authority, tls_verify="peer", tls_ca=str(trusted))
    assert shake_hands(tls.amqp, client).getpeercert()
    shutil.copy(Authority(tmp_path / "other").path, trusted)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tls.amqp, client)


@pytest.mark.parametrize("broken", ["key", "certificate"])
def test_a_pair_that_cannot_be_used_leaves_the_old_one_and_is_told_once(authority, caplog, broken):
    pair = authority.issue("server")
    tls = made(authority, pair)
    other = authority.issue("other", "renewed.example")
    shutil.copy(getattr(other, broken), getattr(pair, broken))
    assert [shown(tls, authority) for _ in range(3)] == ["localhost"] * 3
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told.startswith("the certificates that were read before stay in use: tls_key")
    assert "is not the key of the certificate" in told
    shutil.copy(other.certificate, pair.certificate)
    shutil.copy(other.key, pair.key)
    assert shown(tls, authority) == "renewed.example"


def test_a_file_that_has_gone_leaves_what_was_read(authority, caplog):
    pair = authority.issue("server")
    tls = made(authority, pair)
    os.unlink(pair.key)
    assert shown(tls, authority) == "localhost"
    assert "No such file" in caplog.text


def test_they_can_be_read_again_by_hand(authority, caplog):
    caplog.set_level(logging.INFO, "amqpbroker.tls")
    made(authority).reload()
    assert caplog.messages[-1] == "the certificates were read again"


# Files that cannot be used


def test_a_file_that_is_not_there_is_named(authority):
    pair = authority.issue("server")
    missing = pair.key + ".missing"
    assert refusal(authority, Pair(pair.certificate, missing)) == (
        f"tls_key: {missing}: cannot be read (No such file or directory); name a file that can be read"
    )
    assert refusal(authority, tls_ca=missing).startswith(f"tls_ca: {missing}: cannot be read")


@pytest.mark.parametrize("setting", ["tls_cert", "tls_key", "tls_ca"])
def test_a_file_that_is_not_pem_is_named(authority, tmp_path, setting):
    path = tmp_path / "file.der"
    path.write_bytes(b"\x30\x82\x00\x00")
    what = "key" if setting == "tls_key" else "certificate"
    assert refusal(authority, **{setting: str(path)}).startswith(f"{setting}: {path}: there is no {what} in PEM in it")


@pytest.mark.parametrize("setting", ["tls_cert", "tls_ca"])
def test_pem_with_nonsense_in_it_is_named(authority, tmp_path, setting):
    path = tmp_path / "nonsense.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    text = refusal(authority, **{setting: str(path)})
    assert text.startswith(f"{setting}: {path}")
    assert "OpenSSL cannot use it" in text


def test_a_key_of_another_certificate_is_told(authority):
    pair, other = authority.issue("server"), authority.issue("other")
    text = refusal(authority, Pair(pair.certificate, other.key))
    assert text.startswith(f"tls_key: {other.key}: is not the key of the certificate {pair.certificate}")


def test_a_named_certificate_is_named_in_its_fault(authority):
    named = NamedCertificate("a.example", "/nonexistent/a.pem", None)
    assert refusal(authority, tls_sni=(named,)).startswith("tls_sni a.example: /nonexistent/a.pem: cannot be read")


def test_suites_that_openssl_does_not_know_are_told(authority):
    assert refusal(authority, tls_ciphers=("ROT13",)).startswith("tls_ciphers: OpenSSL knows no suite of ROT13")


@pytest.fixture
def encrypted(authority) -> Pair:
    """A pair whose key has the password `secret`."""
    pair = authority.issue("server")
    key = load_pem_private_key(Path(pair.key).read_bytes(), None)
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    Path(pair.key).write_bytes(content)
    return pair


def test_an_encrypted_key_is_read_with_its_password(authority, encrypted):
    assert shown(made(authority, encrypted, tls_key_password="secret"), authority) == "localhost"


def test_an_encrypted_key_without_its_password_is_told(authority, encrypted):
    assert "the key is encrypted; set tls_key_password" in refusal(authority, encrypted)
    text = refusal(authority, encrypted, tls_key_password="wr0ng")
    assert text == f"tls_key: {encrypted.key}: tls_key_password is not the password of the key; change it"


# What is used all the same


def test_an_expired_certificate_is_warned_of(authority, caplog):
    pair = authority.issue("server", **EXPIRED)
    made(authority, pair)
    assert f"{pair.certificate}: the certificate has expired on 2002-01-01" in caplog.text


@needs_posix
def test_a_key_that_everybody_can_read_is_warned_of(authority, caplog):
    pair = authority.issue("server")
    os.chmod(pair.key, 0o644)
    made(authority, pair)
    assert caplog.messages == [f"{pair.key}: every user of this machine can read the key; chmod 600 it"]


def test_one_file_may_hold_both(authority):
    pair = authority.issue("server")
    with open(pair.certificate, "ab") as both:
        both.write(Path(pair.key).read_bytes())
    assert shown(made(authority, pair, tls_key=None), authority) == "localhost"


def test_a_key_that_is_in_neither_file_is_asked_for(authority):
    text = refusal(authority, pair := authority.issue("server"), tls_key=None)
    assert text.startswith(f"tls_key: {pair.certificate}: there is no key in PEM in it")
