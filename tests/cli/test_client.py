"""The client of the HTTP API: what it asks, and what becomes of an answer that is none."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli.client import BadURL, Client, Refused, Unreachable, basic, parse_url
from tests.helpers.certificates import Authority
from tests.helpers.http_api import Api, http_api


@pytest.fixture
def client(api: Api) -> Client:
    return Client(api.url, basic("anna", "pässword"))


def test_every_name_of_a_path_is_quoted(api: Api, client: Client) -> None:
    api.answers["GET /api/queues/%2F/a%2Fb%3F"] = {"name": "a/b?"}
    assert client.get("queues", "/", "a/b?") == {"name": "a/b?"}


def test_a_query_leaves_out_what_is_not_given(api: Api, client: Client) -> None:
    api.answers["GET /api/queues?page=1&name=a+b"] = []
    assert client.get("queues", page=1, name="a b", sort=None) == []


def test_the_login_goes_with_every_request(api: Api, client: Client) -> None:
    api.answers["PUT /api/vhosts/v"] = (201, None)
    assert client.put("vhosts", "v", body={}) is None
    assert api.headers[0]["Authorization"] == "Basic YW5uYTpww6Rzc3dvcmQ="
    assert api.asked == [("PUT", "/api/vhosts/v", {})]


def test_without_a_login_there_is_no_header(api: Api) -> None:
    api.answers["GET /api/overview"] = {}
    Client(api.url).get("overview")
    assert "Authorization" not in api.headers[0]


def test_one_connection_serves_many_requests(api: Api, client: Client) -> None:
    api.answers |= {"POST /api/bindings": {"x": 1}, "DELETE /api/queues/q?if-empty=true": (204, None)}
    assert client.post("bindings", body={}) == {"x": 1}
    client.delete("queues", "q", query={"if-empty": "true"}, headers={"X-Reason": "bye"})
    assert api.headers[1]["X-Reason"] == "bye"


@pytest.mark.parametrize(
    ("status", "answer", "text"),
    [
        (404, {"error": "Object Not Found", "reason": "Not Found"}, "404 Not Found: Object Not Found"),
        (400, {"error": "bad_request", "reason": "no\n queue"}, "400 Bad Request: no queue"),
        (401, {"error": "not_authorised", "reason": "Login failed"}, "401 Unauthorized: Login failed"),
        (400, {"error": "json", "reason": {"why": 1}}, "400 Bad Request: json"),
        (500, b"<html>", "500 Internal Server Error"),
        (500, [1], "500 Internal Server Error"),
    ],
)
def test_a_refusal_has_status_and_reason(api: Api, client: Client, status: int, answer: object, text: str) -> None:
    api.answers["GET /api/x"] = (status, answer)
    with pytest.raises(Refused) as refusal:
        client.get("x")
    assert (refusal.value.status, str(refusal.value)) == (status, text)


def test_an_answer_that_is_no_json_is_told(api: Api, client: Client) -> None:
    api.answers["GET /api/overview"] = b"<html>"
    with pytest.raises(Refused, match="something else than JSON"):
        client.get("overview")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"http://127.0.0.1:{port} cannot be reached \(Connection refused\)"):
        Client(f"http://127.0.0.1:{port}").get("overview")


def test_somebody_who_speaks_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_s=5)
        client._connection.connect()
        other, _ = listening.accept()
        other.sendall(b"AMQP\x00\x00\x09\x01")
        other.close()
        with pytest.raises(Unreachable, match="cannot be reached"):
            client.get("overview")


def test_a_broker_behind_a_prefix(api: Api) -> None:
    api.answers["GET /usr/api/overview"] = {"node": "n"}
    assert Client(api.url + "/usr/").get("overview") == {"node": "n"}


def test_certificates_that_cannot_be_read_are_told() -> None:
    with pytest.raises(BadURL, match=r"nowhere\.pem: cannot be used as certificates"):
        Client("https://localhost", ca_file="nowhere.pem")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("http://h", ("http://h:15672", None, None)),
        ("https://h", ("https://h:15671", None, None)),
        ("h:80", ("http://h:80", None, None)),
        ("http://anna:a%2Fb@h:1/x/", ("http://h:1/x", "anna", "a/b")),
        ("http://[::1]:1", ("http://[::1]:1", None, None)),
    ],
)
def test_a_url_is_taken_apart(text: str, parsed: tuple[str, str | None, str | None]) -> None:
    assert parse_url(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "amqp://h", "http://", "http://u:secret@h:port", "http://h?x=1", "http://h:99999", "[", "http://a b"]
)
def test_what_is_no_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadURL) as refusal:
        parse_url(text)
    assert "secret" not in str(refusal.value)


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        Client(parse_url(text)[0]).close()
    except BadURL:
        pass


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Api, str]]:
    """An API over TLS, and the file of its authority."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    with http_api(context) as api:
        api.answers["GET /api/overview"] = {"node": "n"}
        yield api, authority.path


def test_over_tls_the_certificate_is_looked_at(secure: tuple[Api, str]) -> None:
    api, authority = secure
    with closing(Client(api.url, ca_file=authority)) as client:
        assert client.get("overview") == {"node": "n"}
    with closing(Client(api.url)) as client, pytest.raises(Unreachable, match="authority with --ca"):
        client.get("overview")
    with closing(Client(api.url, verify=False)) as client:
        assert client.get("overview") == {"node": "n"}
