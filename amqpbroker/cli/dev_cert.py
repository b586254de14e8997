"""`amqpbroker dev-cert`: certificates for trying TLS on one's own machine, and what to put where.

Nobody can issue more by their authority: its key is written nowhere.
"""

import os
import shlex
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from amqpbroker.cli.tables import say_json

_DIRECTORY: Final = "dev-cert"
_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
_NAMES: Final = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
_SAID: Final = """\
Certificates for trying TLS, which only those believe who are told to, are in {directory}:
  ca.pem                  what clients trust
  server.pem, server.key  what the broker shows: {hosts}
  client.pem, client.key  what a client may show: {user}

The broker:
  amqpbroker serve {flags}
and to ask clients for certificates, and let {user} log in by one:
  {verifying}

pika:
  import pika, ssl
  tls = ssl.create_default_context(cafile={ca!r})
  host, user = {host!r}, pika.PlainCredentials("guest", "guest")
  pika.BlockingConnection(pika.ConnectionParameters(host, 5671, "/", user, ssl_options=pika.SSLOptions(tls, host)))
and without a password:
  tls.load_cert_chain({certificate!r}, {key!r})
  user = pika.credentials.ExternalCredentials()"""


def run(arguments: list[str]) -> int:
    """Make them, say what they are for, and give the exit code: 1 where that is not possible, 2 usage."""
    parser = ArgumentParser(
        "amqpbroker dev-cert",
        description="Make an authority, and certificates of it for the broker and for a client, for trying TLS.",
        allow_abbrev=False,
    )
    parser.add_argument("--dir", default=_DIRECTORY, metavar="DIR", help=f"where to; {_DIRECTORY} if not named")
    parser.add_argument("--host", action="append", default=[], metavar="NAME", help="a further name of the broker's")
    parser.add_argument("--user", default="guest", metavar="NAME", help="whom the client's certificate names; guest")
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    return _make(options)


def _make(options: Namespace) -> int:
    hosts = list(dict.fromkeys((*options.host, *_ALWAYS)))
    try:
        files = _issued(hosts, options.user)
    except ImportError:
        complain("dev-cert needs trustme: pip install amqpbroker[cli]")
        return EXIT_FAILED
    except ValueError as error:
        complain(f"a certificate cannot have such a name: {error}; give another --host or --user")
        return EXIT_USAGE
    directory = os.path.abspath(options.dir)
    if there := [name for name in _NAMES if os.path.lexists(os.path.join(directory, name))]:
        complain(f"{directory}: {there[0]} is there already; name another directory with --dir, or remove it")
        return EXIT_FAILED
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        for name, content in files.items():
            _write(os.path.join(directory, name), content)
    except OSError as error:
        complain(f"{error.filename or directory}: {error.strerror}; name a directory that can be written to with --dir")
        return EXIT_FAILED
    _tell(options, directory, hosts)
    return EXIT_OK


def _issued(hosts: list[str], user: str) -> dict[str, bytes]:
    """Name → content. ImportError: trustme is not there; ValueError: a name that no certificate can have."""
    import trustme  # its cryptography takes a while to load

    about: dict[str, Any] = {"organization_name": "amqpbroker", "organization_unit_name": "development"}
    authority = trustme.CA(**about)
    server = authority.issue_cert(*hosts, common_name=hosts[0], **about)
    client = authority.issue_cert(common_name=user, **about)
    files = {"ca.pem": authority.cert_pem.bytes()}
    for name, issued in (("server", server), ("client", client)):
        files[f"{name}.pem"] = b"".join(part.bytes() for part in issued.cert_chain_pems)
        files[f"{name}.key"] = issued.private_key_pem.bytes()
    return files


def _write(path: str, content: bytes) -> None:
    """A file that was not there; of a key nobody else reads a word, not even while it is written."""
    mode = 0o600 if path.endswith(".key") else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)


def _tell(options: Namespace, directory: str, hosts: list[str]) -> None:
    paths = {name: os.path.join(directory, name) for name in _NAMES}
    serving = ["--tls-port", "5671", "--tls-cert", paths["server.pem"], "--tls-key", paths["server.key"]]
    verifying = ["--tls-ca", paths["ca.pem"], "--tls-verify", "peer", "--ssl-cert-login-from", "common_name"]
    for mechanism in ("PLAIN", "AMQPLAIN", "EXTERNAL"):
        verifying += ["--auth-mechanism", mechanism]
    if options.json:
        say_json({"files": paths, "hosts": hosts, "user": options.user, "serve": serving, "verify": verifying})
        return
    say(
        _SAID.format(
            directory=directory,
            hosts=", ".join(hosts),
            user=options.user,
            flags=shlex.join(serving),
            verifying=shlex.join(verifying),
            ca=paths["ca.pem"],
            host=hosts[0],
            certificate=paths["client.pem"],
            key=paths["client.key"],
        )
    )
