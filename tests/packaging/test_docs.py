"""What the README and docs/ say is there: options, files, links."""

import re
from pathlib import Path

import pytest

from nasdip.options.option import options_of
from nasdip.options.restore import RestoreOptions
from nasdip.options.search_request import SearchOptions

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "experiments/README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = (ROOT / "docs/python.md").read_text(encoding="utf-8")
TABLES = {"Options of a restoration": RestoreOptions, "Options of a search": SearchOptions}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def rows(title):
    """Return the rows of the table under a title: its cells by the first one, without backquotes."""
    section = PYTHON.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert all(len(row) == 4 for row in cells)
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("title", TABLES)
def test_the_table_has_every_option_with_its_flag_and_default(title):
    table, declared = rows(title), options_of(TABLES[title])
    assert list(table) == list(declared)
    for name, (field, option) in declared.items():
        flags, default, meaning = table[name]
        assert f"`{option.flag or '--' + name.replace('_', '-')}`" in flags, name
        assert default.strip("`") == repr(field.default), name
        assert field.default is not None or "None" in meaning, name


def anchors(path):
    """Return what links into a page may name, as GitHub makes it of the headings."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@every_page
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_page
def test_files_that_are_named_exist(page):
    named = set(
        re.findall(r"`((?:nasdip|tests|experiments|search_spaces)/[\w./-]*)`", page.read_text(encoding="utf-8"))
    )
    assert not [name for name in named if "NAME" not in name and not (ROOT / name).exists()]
