"""One HTML file of everything that a run has found so far."""

import base64
import datetime
import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from nasdip import __version__
from nasdip.console import duration
from nasdip.files import make_folder, write_text
from nasdip.report.charts import FILES, INLINE, restoration_figures, search_figures
from nasdip.report.figures.theme import css_variables, save_png, to_svg
from nasdip.report.images_section import comparison, spectra_section, trust_section
from nasdip.report.numbers.source import Source, read_random_rewards, read_source
from nasdip.report.pictures import Display
from nasdip.report.run_section import run_section
from nasdip.report.search_section import drawn, search_section
from nasdip.report.text.glossary import GLOSSARY
from nasdip.report.text.headline import headline
from nasdip.report.text.words import breakable, counted, decibels, thousands


def write_report(folder: Path, *, random_run: Path | None = None) -> Path:
    """Write `report.html` and `figures/` into the folder of a search or of a restoration.

    Works during a run, after it, and when it was killed; each section is there where its data are, and says what is
    missing where they are not. The file needs no other and no network. Written whole or not at all.

    Parameters
    ----------
    folder : Path
        Of a search (run.json) or of a restoration alone (record.json).
    random_run : Path, optional
        Folder of a run of the random searcher with the same image, space and proxy fit; the expected best of k of its
        rewards is drawn beside the search's.

    Returns
    -------
    Path
        Of report.html.

    Raises
    ------
    NasdipError
        For a folder that is neither, files that cannot be read, or a random run that cannot be compared.
    """
    folder = Path(folder)
    source = read_source(folder)
    random_rewards = [] if random_run is None else read_random_rewards(Path(random_run), source)
    context, figures = _compose(source, random_rewards, datetime.datetime.now(datetime.UTC))
    _write_figures(folder / "figures", figures)
    path = folder / "report.html"
    write_text(path, _render(context))
    return path


def _compose(
    source: Source, random_rewards: list[float], now: datetime.datetime
) -> tuple[dict[str, Any], dict[str, Figure]]:
    """Return what the template shows, and the figures."""
    restoration = source.restoration
    display = Display.of(source.noisy, None if restoration is None else restoration.image)
    figures = search_figures(source.search, random_rewards) if source.search else {}
    judged = trust_section(source, restoration) if restoration else None
    if restoration is not None and judged is not None:
        figures |= restoration_figures(restoration, judged.judged, display)
    context = {
        "version": __version__,
        "made": now.isoformat(timespec="seconds"),
        "headline": headline(source),
        "comparison": comparison(source, display),
        "restored": restoration is not None,
        "final_planned": source.search is None or source.search.record.settings.final.steps != 0,
        "trust": judged,
        "spectra": spectra_section(restoration) if restoration else None,
        "search": search_section(source.search, random_rewards) if source.search else None,
        "network_drawn": drawn(str(restoration.architecture), restoration.parameters) if restoration else None,
        "run": run_section(source),
        "glossary": GLOSSARY,
        "svg": {name: Markup(to_svg(figures[name], name, INLINE[name])) for name in INLINE if name in figures},
    }
    return context, figures


def _write_figures(folder: Path, figures: dict[str, Figure]) -> None:
    make_folder(folder, "make it writable, or report on a copy")
    for name in FILES:
        if name in figures:
            save_png(figures[name], folder / f"{name}.png")
        else:
            (folder / f"{name}.png").unlink(missing_ok=True)  # of an earlier report


def _render(context: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nasdip.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "decibels": decibels,
        "duration": duration,
        "thousands": thousands,
        "counted": counted,
        "breakable": breakable,
    }
    script = _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    light, dark = css_variables()
    style = _asset("report.css").replace("/*light*/", light).replace("/*dark*/", dark)
    return environment.get_template("report.html.j2").render(
        **context,
        style=Markup(style),
        script=Markup(script),
        script_digest=digest,
    )


def _asset(name: str) -> str:
    return (resources.files("nasdip.report") / "templates" / name).read_text(encoding="utf-8").strip()
