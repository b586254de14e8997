"""The two loops of scripts/, short: what is confirmed survives kill -9, and a power cut where one can be had."""

from pathlib import Path

import pytest

from crashing import image, kill_loop, power_cut_loop

KILLS = 20
POWER_CUTS = 5


@pytest.fixture(autouse=True)
def ours(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("a broker that was started by somebody else is not ours to kill")


@pytest.mark.timeout(180)
def test_nothing_confirmed_is_lost_when_the_broker_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    failed = kill_loop.main(["--cycles", str(KILLS), "--quiet"])
    assert not failed, capsys.readouterr().out


@pytest.mark.timeout(120)
def test_nothing_confirmed_is_lost_in_a_power_cut(capsys: pytest.CaptureFixture[str]) -> None:
    if reason := image.cannot():
        pytest.skip(reason)
    failed = power_cut_loop.main(["--cycles", str(POWER_CUTS), "--image", "1000", "--quiet"])
    assert not failed, capsys.readouterr().out


@pytest.mark.timeout(120)
def test_the_loop_finds_what_a_broker_loses_that_does_not_sync(capsys: pytest.CaptureFixture[str]) -> None:
    if reason := image.cannot():
        pytest.skip(reason)
    failed = power_cut_loop.main(
        ["--cycles", "4", "--drain-every", "1", "--image", "1000", "--quiet", "--no-sync", "--seed", "1"]
    )
    table = capsys.readouterr().out
    assert failed == 1
    assert "lost: crash." in table or "definition" in table, table


def test_it_says_why_no_power_can_be_cut(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(power_cut_loop, "cannot", lambda: "a loop device takes root")
    assert power_cut_loop.main([]) == power_cut_loop.EXIT_SKIPPED
    assert capsys.readouterr().out == "skipped: a loop device takes root\n"


def test_nothing_of_an_image_stays_behind(tmp_path: Path) -> None:
    if reason := image.cannot():
        pytest.skip(reason)
    with pytest.raises(OSError, match="by this test"), image.Image(tmp_path, 40) as disk:
        device = disk.device
        raise OSError("by this test")
    assert not disk.mount_point.is_mount()
    assert image.backing_file(device) is None
