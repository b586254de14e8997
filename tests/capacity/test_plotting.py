"""A picture is written whole, and where that is not possible it is said before and after."""

from pathlib import Path

import pytest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.plotting import check_name, drawn


@pytest.mark.parametrize(("name", "beginning"), [("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_each_kind_is_written(tmp_path, name, beginning):
    with drawn(tmp_path / name) as axes:
        axes.plot([1, 2])
    assert (tmp_path / name).read_bytes().startswith(beginning)


def test_a_name_of_no_picture_is_refused_before_anything_is_drawn():
    with pytest.raises(WrongInput, match=r"--plot: a\.txt does not end with"):
        check_name(Path("a.txt"))
    with pytest.raises(WrongInput, match="does not end with"), drawn(Path("a")):
        pytest.fail("it was drawn")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(WrongInput, match=r"a.svg cannot be written"), drawn(tmp_path / "missing" / "a.svg"):
        pass
