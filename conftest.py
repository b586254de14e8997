"""What every test of the checkout has in common: how they are shared out among workers, and how they are told."""

from collections.abc import Generator

import hypothesis
import pytest

# No test asserts a time, which says more of the machine than of the broker; by default every example may take 200 ms.
hypothesis.settings.register_profile("amqpbroker", deadline=None)
hypothesis.settings.load_profile("amqpbroker")

# A worker takes one file after another. These take longest and are begun first, or one would be busy alone at last.
LONG = (
    "tests/simulation/test_durable.py",
    "interop_tests/test_crashes.py",
    "interop_tests/test_shims.py",
    "tests/management/ui/test_pages.py",
    "tests/cli/test_serve.py",
    "tests/management/test_bad_input.py",
    "interop_tests/test_durable.py",
    "interop_tests/test_durable_rules.py",
    "tests/simulation/test_simulation.py",
    "tests/simulation/test_planted.py",
    "interop_tests/test_celery.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For workers alone: who runs tests without them gets them in the order of their files."""
    if hasattr(config, "workerinput"):
        places = {config.rootpath / path: place for place, path in enumerate(LONG)}
        items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A worker tells what was logged in UTF-8, and a client's octets need not be any: those go escaped."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report
