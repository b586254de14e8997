"""`amqpbroker top`: the busiest first."""

import io
import sys
from typing import Any

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson


def queue(name: str, rate: float = 0.0, ready: int = 0, vhost: str = "/") -> dict[str, Any]:
    stats = {"publish_details": {"rate": rate}}
    return {"name": name, "vhost": vhost, "messages_ready": ready, "messages": ready, "message_stats": stats}


@pytest.fixture(autouse=True)
def broker(api: Api) -> None:
    api.answers |= {
        "GET /api/overview": {"product_name": "RabbitMQ", "product_version": "4.2.9", "object_totals": {"queues": 3}},
        "GET /api/queues": [queue("idle"), queue("full", ready=5), queue("busy", 2.5, vhost="v")],
        "GET /api/connections": [{"name": "c", "user": "anna", "channels": 1, "recv_oct_details": {"rate": 2048.0}}],
    }


def test_the_busiest_come_first_and_then_the_fullest(ask_json: AskJson) -> None:
    found = ask_json("top", "--once")
    assert [row[0] for row in found["queues"]] == ["busy in v", "full", "idle"]
    assert found["connections"] == [["c", "anna", 1, "2.0 KiB", "0 B"]]


def test_no_more_rows_than_asked_for(ask_json: AskJson) -> None:
    assert len(ask_json("top", "--once", "--rows", "1")["queues"]) == 1


def test_a_summary_and_two_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--once"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("RabbitMQ 4.2.9 · 0.0 in/s · 0.0 out/s · 0 ready · 0 unacked · 3 queues · ")
    assert "\nQueues\nqueue" in out and "\nConnections\nconnection" in out


def test_on_a_terminal_it_is_drawn_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("amqpbroker.cli.top.time.sleep", interrupted)
    assert main(["top"]) == 0
    assert "busy in v" in terminal.getvalue()


def test_an_interval_of_nothing_is_refused() -> None:
    assert main(["top", "--interval", "0"]) == 2
