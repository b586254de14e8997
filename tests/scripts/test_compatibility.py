"""The compatibility tables: every test has a feature, numbers come from results, and RabbitMQ stands beside."""

import ast
from pathlib import Path

import pytest

from compatibility import (
    BEGIN,
    END,
    FAILED,
    FEATURES,
    OF_OURSELVES,
    PASSED,
    RABBITMQ,
    SKIPPED,
    Case,
    CompatibilityError,
    by_feature,
    cell,
    collect,
    feature_of,
    long,
    main,
    read,
    replace_between_markers,
    short,
)

ROOT = Path(__file__).resolve().parent.parent.parent
JUNIT = """<testsuites><testsuite>
<testcase classname="interop_tests.test_kombu" name="test_simple_queue"/>
<testcase classname="interop_tests.test_states" name="test_method_in_state[open: x::y]"/>
<testcase classname="interop_tests.test_states" name="test_method_in_state[open: z]">
<failure message="wrong"/></testcase>
<testcase classname="interop_tests.test_celery" name="test_a_task"><skipped message="RabbitMQ refuses it"/></testcase>
<testcase classname="interop_tests.test_celery" name="test_a_chain"/>
<testcase classname="interop_tests.test_celery" name="test_a_chain"><error message="left open"/></testcase>
<testcase classname="interop_tests.test_errors" name="test_every_recorded_fault_is_provoked_or_left_out"/>
</testsuite></testsuites>"""
NAMES = [feature.name for features in FEATURES.values() for feature in features]


def interop_tests() -> list[str]:
    """`file::test` of every test there is, without `test_`."""
    found = []
    for path in sorted(ROOT.glob("interop_tests/test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.append(f"{path.stem.removeprefix('test_')}::{node.name.removeprefix('test_')}")
    return found


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "3.13.xml").write_text(JUNIT)
    return tmp_path


def run(outcome: str, reason: str = "") -> dict[str, list[Case]]:
    return {name: [Case(f"{name}::test", outcome, reason)] for name in NAMES}


def test_every_interop_test_is_of_a_feature_and_every_feature_has_one() -> None:
    claimed = {name for name, cases in by_feature(Case(test, PASSED) for test in interop_tests()).items() if cases}
    assert claimed == set(NAMES)


def test_a_test_without_a_feature_is_told_of() -> None:
    with pytest.raises(CompatibilityError, match="claims the test new_file::anything"):
        by_feature([Case("new_file::anything", PASSED)])


@pytest.mark.parametrize(
    ("test", "feature"),
    [
        ("semantics_publish::confirms_count_per_channel", "Publisher confirms"),
        ("semantics_publish::transactions_and_confirms_exclude_each_other", "Publisher confirms"),
        ("semantics_publish::immediate_is_not_implemented", "Mandatory, CC, BCC, user-id"),
        ("bad_input::bad_input_is_answered[a::b]", "Octets that no client should send"),
    ],
)
def test_the_first_pattern_that_fits_claims_a_test(test: str, feature: str) -> None:
    assert feature_of(test) == feature


def test_results_are_read_with_their_reasons(results: Path) -> None:
    cases = {case.name: case for case in read(results / "3.13.xml")}
    assert cases["states::method_in_state[open: x::y]"].outcome == PASSED
    assert cases["states::method_in_state[open: z]"] == Case("states::method_in_state[open: z]", FAILED, "wrong")
    assert cases["celery::a_task"] == Case("celery::a_task", SKIPPED, "RabbitMQ refuses it")


def test_a_test_whose_clean_up_fails_has_failed(results: Path) -> None:
    chains = [case for case in read(results / "3.13.xml") if case.name == "celery::a_chain"]
    assert chains == [Case("celery::a_chain", FAILED, "left open")]


def test_tests_of_the_recorded_answers_count_for_nothing(results: Path) -> None:
    assert OF_OURSELVES == ("*::every_*",)
    assert by_feature(read(results / "3.13.xml"))["Error replies"] == []


def test_results_that_are_not_there_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(CompatibilityError, match="no results"):
        read(tmp_path / "4.2.xml")


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [([PASSED, PASSED], "2 of 2"), ([PASSED, FAILED, SKIPPED], "1 of 2"), ([SKIPPED], "–"), ([], "–")],
)
def test_a_cell_counts_what_ran(outcomes: list[str], text: str) -> None:
    assert cell([Case("a::b", outcome) for outcome in outcomes]) == text


def test_the_short_table_is_of_this_broker_alone() -> None:
    lines = short({"4.2": run(PASSED), RABBITMQ: run(FAILED)}).splitlines()
    assert lines[0] == "|  | as 4.2 |"
    assert "| kombu | 1 of 1 |" in lines
    assert lines[-1] == f"| **all** | {len(NAMES)} of {len(NAMES)} |"


def test_the_short_table_says_what_a_dash_means() -> None:
    assert short({"4.3": run(SKIPPED)}).endswith("\n\n–: that version of RabbitMQ refuses what these tests use.")


def test_the_long_table_has_rabbitmq_beside_it_and_says_why_tests_did_not_run() -> None:
    text = long({"4.3": run(SKIPPED, "refused\nmore"), RABBITMQ: run(FAILED, "timeout")}, "3.10.8")
    assert text.startswith("|  | as 4.3 | RabbitMQ 3.10.8 |")
    assert "- as 4.3, kombu, 1: refused\n" in text
    assert "- RabbitMQ 3.10.8, kombu, 1: timeout" in text
    assert "not installed" not in text


def test_without_rabbitmq_the_long_table_says_so() -> None:
    assert "RabbitMQ was not installed" in long({"4.2": run(PASSED)}, None)


def test_a_feature_without_tests_is_told_of(results: Path) -> None:
    for profile in ("4.2", "4.3"):
        (results / f"{profile}.xml").write_text(JUNIT)
    with pytest.raises(CompatibilityError, match=r"no tests of: .*aio-pika"):
        collect(results)


def test_results_that_cannot_be_read_end_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--results", str(tmp_path)]) == 1
    assert "no results" in capsys.readouterr().err


def test_what_stands_between_the_markers_is_replaced() -> None:
    assert replace_between_markers(f"a\n{BEGIN}\nold\n{END}\nb", "new") == f"a\n{BEGIN}\nnew\n{END}\nb"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_its_markers_is_left_alone(text: str) -> None:
    with pytest.raises(CompatibilityError, match="once each"):
        replace_between_markers(text, "new")


@pytest.mark.parametrize("page", ["README.md", "docs/compatibility.md"])
def test_the_pages_have_the_markers(page: str) -> None:
    assert "new" in replace_between_markers((ROOT / page).read_text(encoding="utf-8"), "new")
