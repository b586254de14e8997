"""What README.md and docs/ point to is there: links, files of the package, the methods of the two flows, profiles."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
SOURCE_FILE = re.compile(r"(?<![\w/.])((?:[a-z_]+/)*[a-z_]+\.py)\b")
METHOD = re.compile(r"\b([A-Z]\w+)\.([a-z_]\w*)\b")
# The flows stand in the README, indented, and on the page about the architecture, fenced.
FLOWS = [ROOT / "README.md", ROOT / "docs" / "architecture.md"]


def anchors(page: Path) -> set[str]:
    """What a link may name of a page: its headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_python(text: str) -> str:
    """The text without its examples, which have methods and files of their own."""
    return re.sub(r"```python\n.*?```", "", text, flags=re.DOTALL)


def methods() -> set[tuple[str, str]]:
    """(class, method) of every class in the package."""
    found = set()
    for path in ROOT.glob("amqpbroker/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                functions = (part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef))
                found |= {(node.name, part.name) for part in functions}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for file, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


@pytest.mark.parametrize("page", ["architecture.md", "profiles.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    for name in SOURCE_FILE.findall(without_python((ROOT / "docs" / page).read_text(encoding="utf-8"))):
        assert any((ROOT / place / name).exists() for place in ("", "amqpbroker")) or name == "ports.py", name


@pytest.mark.parametrize("page", FLOWS, ids=lambda page: page.name)
def test_methods_of_the_flows_are_there(page: Path) -> None:
    text = without_python(page.read_text(encoding="utf-8"))
    blocks = re.findall(r"^ {4}[^\n]*|```\n.*?```", text, re.MULTILINE | re.DOTALL)
    named = {found for block in blocks for found in METHOD.findall(block)}
    assert ("Queue", "extend") in named
    assert named - methods() == set()


def test_every_file_with_a_rule_of_a_version_is_on_the_page_of_profiles() -> None:
    page = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    package = ROOT / "amqpbroker"
    with_rules = [
        path for path in package.glob("**/*.py") if re.search(r"series [<>]", path.read_text(encoding="utf-8"))
    ]
    # What testing/ warns of is no rule of ours.
    paths = [path.relative_to(package).as_posix() for path in with_rules if package / "testing" not in path.parents]
    assert [path for path in paths if path not in page] == []
