from dataclasses import replace

import numpy as np
import pytest
from example_runs import clean_image, example_restoration

from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.imaging.spectrum import log_spectrum
from nasdip.records.results import Choice, Restoration
from nasdip.report.figures.first_and_last import first_and_last_figure
from nasdip.report.numbers.nas_dip_report import (
    CSV_HEADER,
    Spread,
    csv_rows,
    experiment,
    panels,
    spread,
    summary,
    table,
)
from nasdip.report.pictures import Display


@pytest.fixture(scope="module")
def watched() -> Restoration:
    """Three repetitions in which a rule chose step 40, 41, 42."""
    made = example_restoration(clean_image(32), repeats=3)
    fits = [replace(fit, choices={"reference": Choice(40 + i, 60, 27.0 + i)}) for i, fit in enumerate(made.repetitions)]
    return replace(made, repetitions=tuple(fits))


def test_a_row_tells_oracle_and_blind_choice_of_its_repetition(watched: Restoration) -> None:
    found = experiment(watched)
    assert [row.number for row in found.repetitions] == [1, 2, 3]
    for row, fit in zip(found.repetitions, watched.repetitions, strict=True):
        curve = fit.curves.oracle_psnr_averaged
        assert curve is not None
        assert row.oracle_step == curve.argmax() + 1
        assert row.oracle_psnr == curve.max()
        assert (row.averaged_psnr, row.last_psnr) == (fit.psnr_averaged, fit.psnr_last)
    assert [(row.blind_step, row.blind_psnr) for row in found.repetitions] == [(40, 27.0), (41, 28.0), (42, 29.0)]
    assert found.noisy_psnr == psnr(clean_image(32), watched.noisy, data_range=1.0)
    assert found.mean_psnr == watched.psnr
    assert found.spread("blind_step") == Spread(41.0, 1.0)


def test_what_is_not_known_is_left_out() -> None:
    found = experiment(example_restoration(clean_image(32), repeats=1))
    assert found.repetitions[0].blind_step is None
    assert found.spread("blind_psnr") == spread([]) == Spread(None, None)
    assert found.spread("oracle_psnr").deviation is None
    assert csv_rows(found)[0][4:6] == [None, None]
    assert table(found).splitlines()[-1].split("|")[2].strip() == "–"


def test_without_a_clean_image_there_is_nothing_to_report(watched: Restoration) -> None:
    for numbers in (experiment, panels):
        with pytest.raises(NasdipError, match="no clean image"):
            numbers(replace(watched, clean=None))


def test_the_table_has_every_repetition_their_mean_and_deviation(watched: Restoration) -> None:
    found = experiment(watched)
    lines = table(found).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    blind = [row[cells[0].index("blind PSNR")] for row in cells]
    assert blind[2:] == ["27.000", "28.000", "29.000", "28.000", "1.000"]
    assert [row[0] for row in cells[2:]] == ["1", "2", "3", "mean", "standard deviation"]
    assert [row[cells[0].index("blind step")] for row in cells[-2:]] == ["41.0", "1.0"]


def test_the_file_has_a_column_for_each_name(watched: Restoration) -> None:
    rows = csv_rows(experiment(watched))
    assert {len(row) for row in rows} == {len(CSV_HEADER)}
    assert dict(zip(CSV_HEADER, rows[1], strict=True)) | {"oracle_step": 0, "oracle_psnr_db": ""} == {
        "repetition": 2, "seed": 1002, "oracle_step": 0, "oracle_psnr_db": "", "blind_step": 41,
        "blind_psnr_db": "28.0000", "averaged_psnr_db": f"{watched.repetitions[1].psnr_averaged:.4f}",
        "last_psnr_db": f"{watched.repetitions[1].psnr_last:.4f}", "seconds": "12.5",
    }  # fmt: skip


def test_the_page_says_what_was_done_and_what_is_oracle(watched: Restoration) -> None:
    found = experiment(watched)
    page = summary(found, watched, "astronaut.png")
    assert table(found) in page
    for words in ("astronaut.png", "sigma 25", "3 x 60 steps at learning rate 0.01", "picked with the clean picture",
                  f"The mean of the 3 averaged images, blind: {watched.psnr:.2f} dB"):  # fmt: skip
        assert words in page


def test_first_and_last_repetition_have_best_and_last_with_their_spectra(watched: Restoration) -> None:
    rows = panels(watched)
    fits = watched.repetitions
    images = [panel.image for row in rows for panel in row]
    wanted = [watched.noisy, watched.clean, fits[0].oracle, fits[0].last, fits[2].oracle, fits[2].last]
    assert all(np.array_equal(*pair) for pair in zip(images, wanted, strict=True))
    assert all(np.array_equal(panel.spectrum, log_spectrum(panel.image)) for row in rows for panel in row)
    assert rows[2][0].title == f"repetition 3, best (oracle)\nstep {fits[2].oracle_step}, {fits[2].oracle_psnr:.2f} dB"
    assert rows[2][1].title == f"repetition 3, last\nstep 60, {fits[2].psnr_last:.2f} dB"
    assert [len(row) for row in panels(replace(watched, repetitions=fits[:1]))] == [2, 2]


def test_the_figure_shows_each_image_beside_its_spectrum(watched: Restoration) -> None:
    rows = panels(watched)
    figure = first_and_last_figure(rows, Display.of(watched.noisy), 0.0, 2.0)
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 12
    for i, panel in enumerate(panel for row in rows for panel in row):
        assert shown[2 * i].get_title(loc="left") == panel.title
        assert np.array_equal(shown[2 * i + 1].images[0].get_array(), panel.spectrum)
        assert shown[2 * i + 1].images[0].get_clim() == (0.0, 2.0)
