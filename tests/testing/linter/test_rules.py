"""The rules themselves."""

import re
import warnings
from pathlib import Path

import amqpbroker.testing
from amqpbroker.testing.linter.rules import RULES, AmqpBrokerWarning


def test_each_has_a_name_an_explanation_and_a_remedy():
    for name, rule in RULES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert rule.explanation
        assert rule.remedy
        assert issubclass(rule, AmqpBrokerWarning)


def test_each_is_found_by_its_class_where_suites_look_for_it():
    for rule in RULES.values():
        assert getattr(amqpbroker.testing, rule.__name__) is rule
        assert rule.__name__ in amqpbroker.testing.__all__


def test_a_filter_of_python_takes_one_by_its_class():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=RULES["prefetch-0"])
        warnings.warn(RULES["prefetch-0"]("prefetch-0: …"), stacklevel=1)


def test_the_guide_has_each_of_them_in_the_words_of_its_warning():
    guide = Path(__file__).resolve().parents[3] / "docs" / "testing.md"
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| `(\w+Warning)` \| .+ \| (.+) \| (.+) \|$", guide.read_text(), re.MULTILINE
    )
    assert rows == [(name, rule.__name__, rule.explanation, rule.remedy) for name, rule in RULES.items()]
