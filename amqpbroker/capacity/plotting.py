"""A picture in a file. matplotlib is loaded when one is drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from amqpbroker.capacity.errors import WrongInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUFFIXES: Final = (".svg", ".png", ".pdf")


def check_name(path: Path) -> None:
    """Raises WrongInput: no kind of picture is known by the name."""
    if path.suffix not in _SUFFIXES:
        raise WrongInput(f"--plot: {path.name} does not end with {', '.join(_SUFFIXES)}")


@contextmanager
def drawn(path: Path) -> Iterator["Axes"]:
    """What is drawn on the axes is then written to the file, the same each time.

    Raises WrongInput: as `check_name`, or it cannot be written there.
    """
    check_name(path)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "amqpbroker"}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        yield figure.subplots()
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            raise WrongInput(f"--plot: {path} cannot be written ({error.strerror})") from None
