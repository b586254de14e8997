"""A cell of the experiment, from its parameters to its result."""

from experiment.cells import apart, grid
from experiment.report import figure
from experiment.simulated import run_one


def test_a_result_has_what_was_predicted_and_measured_and_who_did_the_work():
    named = next(one for one in grid(11_000) if one.name == "grid/2/0.7/weighted")
    name, result = run_one(named)
    assert (name, result["consumers"], result["load"], result["model"]) == (named.name, 2, 0.7, "M/M/c")
    assert figure(result, "mean").predicted == 0.96078
    assert abs(figure(result, "mean").off) < 0.3
    assert result["shares"][1] > result["shares"][0]


def test_with_a_prefetch_it_is_kept_when_messages_were_worked_on_too():
    named = next(one for one in apart(11_000) if one.name == "apart/prefetch/10/0.8")
    _, result = run_one(named)
    assert figure(result, "mean", "until_begun").measured > figure(result, "mean").measured
