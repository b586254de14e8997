"""`amqpbroker capacity observe`: what a broker has measured, for a person and for a program."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.capacity.observing.document import document
from amqpbroker.capacity.observing.observation import observe
from amqpbroker.cli.capacity import observe as verb
from amqpbroker.cli.main import main
from tests.helpers.http_api import Api
from tests.helpers.measured_traffic import played

PLACE = "GET /api/queues/%2F/orders/capacity"
NOW = ("orders", "--seconds", "0")


def answer(**changes: Any) -> dict[str, Any]:
    """What a broker answers of a queue of this traffic."""
    found = document(observe(replace(played().seen, **changes), target_s=0.5))
    return {"vhost": "/", "queue": "orders", **json.loads(json.dumps(found))}


@pytest.fixture(autouse=True)
def broker(api: Api) -> None:
    api.answers[PLACE] = answer()


def observed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["capacity", "observe", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_queue_is_told_in_sentences_figures_and_waits(capsys) -> None:
    code, out, _ = observed(capsys, *NOW)
    assert code == 0
    assert out.startswith("The forecast (M/M/c) can be trusted.\nMessages come as a Poisson process has them")
    names = ("arrivals", "service", "utilisation", "consumers for 99 of 100 within 500 ms", "until they are gone, mean")
    assert all(f"\n{name} " in out for name in names)
    assert [line.split("  ")[0] for line in out.splitlines()[-5:]] == [
        "wait",
        "mean",
        "50 of 100 at most",
        "95 of 100 at most",
        "99 of 100 at most",
    ]


def test_programs_get_the_document(capsys) -> None:
    code, out, _ = observed(capsys, *NOW, "--json")
    assert (code, json.loads(out)) == (0, answer())


def test_what_is_wanted_is_asked_for(capsys, api: Api) -> None:
    api.answers["GET /api/queues/shop/orders/capacity"] = answer()
    observed(capsys, *NOW, "--vhost", "shop", "--target-wait", "200ms", "--percentile", "95")
    assert api.asked[-1][1] == "/api/queues/shop/orders/capacity?percentile=95.0&target=200ms"


def test_it_asks_again_until_the_time_is_over(capsys, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1_000, 15))
    slept: list[float] = []
    monkeypatch.setattr(verb.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(verb.time, "sleep", slept.append)
    observed(capsys, "orders", "--seconds", "50")
    assert (slept, len(api.asked)) == ([20.0, 20.0, 5.0], 4)


def test_ctrl_c_ends_it_with_what_is_known(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(verb.time, "sleep", interrupted)
    code, out, _ = observed(capsys, "orders", "--seconds", "60")
    assert (code, out.splitlines()[0]) == (0, "The forecast (M/M/c) can be trusted.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consumers": 7}, "Unstable: "),
        ({"consumers": 0, "silent_consumers": 3}, "Its consumers acknowledge nothing"),
        ({"arrived": 0, "bursts": 0}, "Too little is known yet: 0 messages came"),
        ({"consumers": 0, "watched_s": 0.0, "arrived": 0, "bursts": 0}, "Nobody consumes from it"),
    ],
    ids=["unstable", "auto-ack", "nothing", "nobody"],
)
def test_where_there_is_no_forecast_it_says_why(capsys, api: Api, changes: dict[str, Any], words: str) -> None:
    api.answers[PLACE] = answer(**changes)
    code, out, err = observed(capsys, *NOW)
    assert (code, err) == (1, "")
    assert out.startswith(words) and "nan" not in out.lower()


def test_waits_are_drawn(capsys, tmp_path: Path) -> None:
    code, _, _ = observed(capsys, *NOW, "--plot", str(tmp_path / "waits.svg"))
    drawn = (tmp_path / "waits.svg").read_text("utf-8")
    assert code == 0 and "measured, mean" in drawn and "M/M/c, mean" in drawn


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--seconds", "-1"], "--seconds: it is a number of seconds, 0 or more"),
        (["--seconds", "nan"], "--seconds: it is a number of seconds, 0 or more"),
        (["--target-wait", "soon"], "--target-wait: 'soon' is not a time with its unit"),
        (["--plot", "waits.txt"], "--plot: waits.txt does not end with"),
        (["--seconds", "0", "--plot", "nowhere/waits.svg"], "--plot: nowhere/waits.svg cannot be written"),
    ],
)
def test_wrong_usage_is_told(capsys, arguments: list[str], reason: str) -> None:
    code, _, err = observed(capsys, "orders", *arguments)
    assert code == 2 and reason in err


def test_without_matplotlib_it_says_what_to_install_before_it_waits(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = observed(capsys, "orders", "--plot", "waits.svg")
    assert code == 2 and "pip install amqpbroker[capacity]" in err


@pytest.mark.parametrize("status", [404, 400])
def test_of_a_rabbitmq_it_says_that_it_cannot(capsys, api: Api, status: int) -> None:
    api.answers[PLACE] = (status, None)
    api.answers["GET /api/queues/%2F/orders"] = {"name": "orders"}
    code, _, err = observed(capsys, *NOW)
    assert code == 1 and "this broker does not measure queues" in err


def test_what_the_broker_finds_wrong_is_told(capsys, api: Api) -> None:
    reason = "percentile: 100 is not from 0 to below 100"
    api.answers[PLACE] = (400, {"error": "bad_request", "reason": reason})
    code, _, err = observed(capsys, *NOW, "--percentile", "100")
    assert code == 1 and reason in err


def test_a_queue_that_is_not_there_is_told(capsys) -> None:
    code, _, err = observed(capsys, "other", "--seconds", "0")
    assert code == 1 and "404" in err and "measure" not in err


def test_a_broker_without_scipy_says_what_to_install(capsys, api: Api) -> None:
    api.answers[PLACE] = (501, {"error": "not_implemented", "reason": "pip install amqpbroker[capacity]"})
    code, _, err = observed(capsys, *NOW)
    assert code == 1 and "pip install amqpbroker[capacity]" in err
