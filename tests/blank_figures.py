"""Figures that are left undrawn: for reports in tests which look at something else."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure
from PIL import Image


def leave_figures_blank(set_attribute: Callable[[object, str, object], None]) -> None:
    """Let figures be files without a drawing, which takes seconds for each report."""
    set_attribute(Figure, "savefig", _savefig)
    set_attribute(Figure, "draw_without_rendering", lambda figure: None)


def _savefig(figure: Figure, file: Any, *, format: str, **_: Any) -> None:
    if format == "svg":
        file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>')
    else:
        Image.new("RGB", (1, 1)).save(file, format)
