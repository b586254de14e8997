"""`amqpbroker bench`: what is refused before anybody is asked. And at a broker of ours."""

import json

import pytest

from amqpbroker.cli.bench import _shares
from amqpbroker.cli.main import main


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--queue-args", "{"], "--queue-args: is not JSON"),
        (["--consumer-args", "[]"], "--consumer-args: is not a JSON object"),
        (["--properties", '{"colour": "red"}'], "--properties: colour is none"),
        (["-x", "-1"], "--publishers: there is no less than none"),
        (["--uri", "http://h"], "the URL: this is no address of a broker"),
    ],
)
def test_wrong_usage_is_refused(flags: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *flags]) == 2
    assert capsys.readouterr().err.startswith(f"amqpbroker: {text}")


def test_nobody_there(closed_port: int) -> None:
    assert main(["bench", "--uri", f"amqp://127.0.0.1:{closed_port}"]) == 69


@pytest.mark.usefixtures("broker_url")
def test_all_is_published_and_consumed_and_the_queue_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "-C", "500", "-D", "500", "-c", "50", "-a", "10", "-p"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].startswith("Average publish rate: ")
    assert main(["queue", "info", "perf-test"]) == 1


@pytest.mark.usefixtures("broker_url")
def test_as_json_for_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "-j", "-q", "-z", "0.2", "-x", "2", "-y", "2"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {"elapsed_seconds", "avg_pub_rate", "avg_consume_rate"}


@pytest.mark.usefixtures("broker_url")
def test_what_is_refused_leaves_no_queue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "-e", "nowhere"]) == 1
    assert "404 NOT_FOUND - no exchange 'nowhere'" in capsys.readouterr().err
    assert main(["queue", "info", "perf-test"]) == 1


@pytest.mark.parametrize(
    ("total", "workers", "shares"), [(None, 2, [None, None]), (7, 3, [3, 2, 2]), (1, 2, [1, 0]), (5, 0, [])]
)
def test_all_of_it_is_shared_out(total: int | None, workers: int, shares: list[int | None]) -> None:
    assert _shares(total, workers) == shares
