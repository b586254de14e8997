"""`amqpbroker capacity`: finds the action, and says which there are."""

import pytest

from amqpbroker.cli.capacity import ACTIONS
from amqpbroker.cli.main import main


def test_the_help_names_every_action(capsys):
    assert main(["capacity", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in ACTIONS)


@pytest.mark.parametrize(("arguments", "told"), [([], "say which: plan"), (["plam"], "did you mean plan?")])
def test_without_an_action_it_says_which_there_are(capsys, arguments, told):
    assert main(["capacity", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_a_help(capsys, action):
    assert main(["capacity", action, "--help"]) == 0
    assert f"amqpbroker capacity {action}" in capsys.readouterr().out
