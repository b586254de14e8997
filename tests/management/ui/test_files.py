"""The files of the web UI: how large they are together, and what must not stand in them."""

import re
from pathlib import Path

import pytest

from amqpbroker.management.serving import static

FILES = sorted(path for path in Path(static.DIRECTORY).rglob("*") if path.is_file())
SIZE_MAX_BYTES = 150_000
# Whatever could make text from elsewhere into a page, or into a program.
FORBIDDEN = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc"
    r"|\beval\(|new Function|\bsetAttribute\(\"on"
)


def test_all_together_are_small() -> None:
    size_bytes = sum(path.stat().st_size for path in FILES)
    assert 0 < size_bytes < SIZE_MAX_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_text_becomes_a_page(path: Path) -> None:
    assert re.search(FORBIDDEN, path.read_text()) is None


def test_the_page_has_neither_styles_nor_scripts_of_its_own() -> None:
    page = (Path(static.DIRECTORY) / "index.html").read_text()
    assert re.findall(r"<script(?! [^>]*src=)|<style|\sstyle=|\son\w+=", page) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_asked_of_others(path: Path) -> None:
    addresses = set(re.findall(r"https?://[\w./]+", path.read_text()))
    assert addresses <= {"http://www.w3.org/2000/svg"}
