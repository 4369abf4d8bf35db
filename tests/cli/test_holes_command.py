"""Pictures with holes on the command line: made, filled, searched for, reported."""

import imageio.v3 as iio
import numpy as np
import pytest

from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.run_folder import RunFolder

QUICK = ("--steps", "12", "--width", "8", "--architecture", "dip+bilinear:4.4")


@pytest.fixture
def holes(folder, nasdip):
    """A picture of which half of the pixels are missing, and its mask, white where they are."""
    code, out, _ = nasdip("degrade", "clean.png", "--holes", "pixels", "--seed", "3", "-o", "holes.png")
    assert (code, out.split()) == (0, ["holes.png", "holes_mask.png"])
    return iio.imread("holes.png"), iio.imread("holes_mask.png") > 127


def test_what_is_made_has_holes_where_the_mask_says(folder, holes):
    picture, missing = holes
    assert missing.mean() == pytest.approx(0.5, abs=0.01)
    assert not picture[missing].any()
    assert np.array_equal(picture[~missing], iio.imread("clean.png")[~missing])


def test_noise_and_holes_can_be_made_together(folder, nasdip):
    nasdip("degrade", "clean.png", "--sigma", "20", "--holes", "blocks", "--share", "0.2")
    degraded, missing = iio.imread("clean_degraded.png"), iio.imread("clean_degraded_mask.png") > 127
    difference = degraded.astype(float) - iio.imread("clean.png")
    assert 0.1 < missing.mean() < 0.4
    assert 10 < difference[~missing].std() < 25
    code, _, err = nasdip("degrade", "clean.png", "--share", "0.2", "--sigma", "5")
    assert (code, err.strip()) == (2, "nasdip: error: --share is that of missing pixels: give --holes as well")


def test_known_pixels_come_back_untouched(folder, nasdip, holes):
    picture, missing = holes
    code, out, err = nasdip("restore", "holes.png", "--mask", "holes_mask.png", "--clean", "clean.png", *QUICK)
    assert code == 0
    assert out.split() == ["restored/holes.png", "restored/holes/report.html"]
    restored = iio.imread("restored/holes.png")
    assert np.array_equal(restored[~missing], picture[~missing])
    assert not np.array_equal(restored[missing], picture[missing])
    assert "50 % of the pixels are missing" in err
    assert "stopped by the rule heldout" in err
    done = RestorationFolder(folder / "restored/holes").read()
    assert np.array_equal(done.mask, ~missing)
    assert done.keeps_known
    assert done.expected is not None
    assert done.expected.deviation[~missing].max() < done.expected.deviation[missing].min()
    page = (folder / "restored/holes/report.html").read_text(encoding="utf-8")
    told = ("The missing pixels (50 %) were filled from the one fit", "The missing pixels, in colour.", "far from")
    for words in told:
        assert words in page


def test_a_mask_the_other_way_round_is_the_same(folder, nasdip, holes):
    _, missing = holes
    iio.imwrite("known.png", np.where(missing, 0, 255).astype(np.uint8))
    nasdip("restore", "holes.png", "--mask", "holes_mask.png", "-o", "one", "--no-report", *QUICK)
    nasdip("restore", "holes.png", "--mask-known", "known.png", "-o", "two", "--no-report", *QUICK)
    assert np.array_equal(iio.imread("one/holes.png"), iio.imread("two/holes.png"))


def test_noisy_known_pixels_are_denoised(folder, nasdip):
    nasdip("degrade", "clean.png", "--sigma", "60", "--holes", "text", "-o", "noisy.png")
    code, _, _ = nasdip(
        "restore", "noisy.png", "--mask", "noisy_mask.png", "--sigma", "60", "--no-report", *QUICK, "--steps", "60"
    )
    assert code == 0
    known = iio.imread("noisy_mask.png") < 128
    assert not np.array_equal(iio.imread("restored/noisy.png")[known], iio.imread("noisy.png")[known])
    assert not RestorationFolder(folder / "restored/noisy").read().keeps_known


def test_another_mask_is_another_restoration(folder, nasdip, holes):
    _, missing = holes
    nasdip("restore", "holes.png", "--mask", "holes_mask.png", "--no-report", *QUICK)
    again = nasdip("restore", "holes.png", "--mask", "holes_mask.png", "--no-report", *QUICK)[2]
    assert "going on with an earlier start, 1 of 1 fits done" in again
    iio.imwrite("other.png", np.where(np.roll(missing, 1, 0), 255, 0).astype(np.uint8))
    other = nasdip("restore", "holes.png", "--mask", "other.png", "--no-report", *QUICK)[2]
    assert "the earlier restoration with other settings is now in" in other


def test_holes_are_filled_in_tiles(folder, nasdip, holes):
    picture, missing = holes
    code, _, err = nasdip("restore", "holes.png", "--mask", "holes_mask.png", "--tile", "32", "--no-report", *QUICK)
    assert code == 0
    assert "on each of" in err
    restored = iio.imread("restored/holes.png")
    assert np.array_equal(restored[~missing], picture[~missing])
    assert RestorationFolder(folder / "restored/holes").read().expected is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--mask", "small.png"), "give one size"),
        (("--mask", "grey.png"), "not black and white"),
        (("--mask", "none.png"), "none of the pixels missing"),
        (("--mask", "holes_mask.png", "--mask-known", "holes_mask.png"), "give one of them"),
        (("--mask", "holes_mask.png", "--stop", "reference"), "needs a picture without holes"),
        (("--mask", "gone.png"), "gone.png"),
    ],
)
def test_bad_masks_are_one_line_and_write_nothing(folder, nasdip, holes, words, told):
    iio.imwrite("small.png", np.zeros((16, 16), np.uint8))
    iio.imwrite("grey.png", np.full((40, 32), 90, np.uint8))
    iio.imwrite("none.png", np.zeros((40, 32), np.uint8))
    code, _, err = nasdip("restore", "holes.png", *words, *QUICK)
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert told in err
    assert not (folder / "restored").exists()


@pytest.mark.parametrize("clean", [False, True])
def test_a_search_knows_the_holes(folder, nasdip, holes, empty_page, clean):
    _, missing = holes
    quick = ("--space", "tiny", "--trials", "2", "--crop", "32", "--width", "16", "--steps", "2", "--parallel", "1")
    final = ("--candidate", "none", "--warm-start", "2", "--final-steps", "2", "--final-width", "16")
    given = ("--clean", "clean.png") if clean else ()
    code, _, _ = nasdip("search", "holes.png", "--mask", "holes_mask.png", "-o", "run", *quick, *final, *given)
    assert code == 0
    run = RunFolder(folder / "run")
    assert np.array_equal(run.mask(), ~missing)
    assert run.record().settings.reward == ("clean" if clean else "heldout")
    assert [trial.status for trial in run.trials()] == ["ok", "ok"]
    assert np.array_equal(iio.imread("run/restored.png")[~missing], iio.imread("holes.png")[~missing])
    more = nasdip("search", "--resume", "-o", "run", "--trials", "3", "--mask", "holes_mask.png")
    assert (more[0], len(run.trials())) == (0, 3)
    iio.imwrite("other.png", np.where(np.roll(missing, 1, 0), 255, 0).astype(np.uint8))
    other = nasdip("search", "--resume", "-o", "run", "--mask", "other.png")
    assert (other[0], "another mask" in other[2]) == (2, True)
