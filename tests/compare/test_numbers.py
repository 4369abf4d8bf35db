import subprocess
import sys

import numpy as np
import pytest

from nasdip.baselines import denoiser
from nasdip.classical.reference import make_reference
from nasdip.compare.folder import Result
from nasdip.compare.heldout import heldout_pixels, without
from nasdip.compare.methods import TRAINED, Method, choose_methods, known_methods
from nasdip.compare.numbers import Row, Scene, heldout_quality, make_scene, measure_row, noisy_row
from nasdip.compare.runner import make_runner
from nasdip.compare.settings import Settings
from nasdip.compare.table import make_table
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.report.figures.methods import comparison_of_methods
from nasdip.report.numbers.panels import make_panels
from nasdip.report.text.comparison import table_notes
from nasdip.restoration.combination import fit_share

SIGMA = 0.1
RANDOM = np.random.default_rng(0)
CLEAN = np.broadcast_to(np.linspace(0.3, 0.7, 64)[:, None, None], (64, 64, 3))
NOISY = (CLEAN + SIGMA * RANDOM.normal(size=CLEAN.shape)).astype(np.float32)
MEASURED = Measurement(NOISY, NoiseModel.white(255 * SIGMA))
HELDOUT = heldout_pixels(MEASURED, 0)
SCENE = make_scene(MEASURED, CLEAN, HELDOUT)


def test_no_value_of_a_heldout_pixel_is_left():
    changed = NOISY.copy()
    changed[HELDOUT] = 9
    assert np.array_equal(without(MEASURED, HELDOUT), without(Measurement(changed), HELDOUT))
    assert np.array_equal(without(MEASURED, HELDOUT)[~HELDOUT], NOISY[~HELDOUT])


def test_impulses_are_neither_held_out_nor_filled_with():
    impulses = np.zeros((64, 64), bool)
    impulses[::2] = True
    noisy = np.where(impulses[..., None], 1.0, 0.5).astype(np.float32) * np.ones(3, np.float32)
    measurement = Measurement(noisy, impulses=impulses)
    mask = heldout_pixels(measurement, 0)
    assert not impulses[mask].any()
    assert np.allclose(without(measurement, mask)[mask], 0.5)


def test_the_error_against_clean_pixels_follows_from_that_against_noisy_ones():
    wrong = (CLEAN + 0.08 * RANDOM.normal(size=CLEAN.shape)).astype(np.float32)
    heldout, estimated = heldout_quality(wrong, SCENE)
    assert heldout == pytest.approx(-10 * np.log10(SIGMA**2 + 0.08**2), abs=0.4)
    assert estimated == pytest.approx(-10 * np.log10(0.08**2), abs=0.8)
    assert heldout_quality(CLEAN.astype(np.float32), SCENE)[1] is None  # the noise hides it
    assert heldout_quality(wrong, SCENE._replace(variance=None)) == (heldout, None)


def test_a_row_is_measured_by_the_right_images():
    low = np.full_like(NOISY, CLEAN.mean())
    row = measure_row("it", Result(CLEAN.astype(np.float32), low, NOISY, 2.0, 7), SCENE)
    assert row.psnr is not None
    assert row.psnr > 100
    assert row.white is False  # what is seen counts, and lacks the ramp
    assert row.heldout == float("inf")
    assert (row.seconds, row.memory) == (2.0, 7)
    clean = measure_row("it", Result(low, CLEAN.astype(np.float32), low, 2.0), SCENE)
    assert clean.white
    assert noisy_row(SCENE).psnr == psnr(CLEAN, NOISY, data_range=1.0)
    nothing = measure_row("it", Result(NOISY, NOISY, NOISY, 2.0), SCENE._replace(clean=None))
    assert (nothing.psnr, nothing.ssim, nothing.whiteness, nothing.white) == (None, None, None, None)


def test_noise_that_grows_with_intensity_and_impulses_do_not_colour_a_residual():
    spread = np.linspace(0.01, 0.2, 64)[:, None, None] * np.ones((64, 64, 1))
    noisy = 0.5 + spread * RANDOM.normal(size=spread.shape)
    noisy[10, 10] = 1e3
    valid = np.ones((64, 64), bool)
    valid[10, 10] = False
    scene = Scene(noisy.astype(np.float32), None, HELDOUT, valid, spread**2)
    flat = np.full(noisy.shape, 0.5, np.float32)
    assert measure_row("it", Result(flat, flat, flat, 1.0), scene).white


def test_clipped_noise_is_seen_with_less_variance():
    noisy = np.clip(RANDOM.normal(0.05, 0.1, (48, 48, 1)), 0, 1).astype(np.float32)
    measurement = measurement_of(noisy)
    seen = make_scene(measurement, None, heldout_pixels(measurement, 0)).variance
    assert np.mean(seen) == pytest.approx(noisy.var(), rel=0.25)
    assert np.mean(seen) < 0.7 * measurement.noise_variance()


BLIND = ("dip", "nasdip-restore", "zs-n2n", "tv", "wavelet", "nl-means", "nl-bayes", "bm3d", "mine")


@pytest.mark.parametrize("name", BLIND)
def test_no_method_knows_the_pixels_that_are_held_out(name, fake_bm3d, monkeypatch):
    """They may change as they like: what is predicted there stays the same, what is restored does not."""
    fake_bm3d("return 0.9 * image")
    monkeypatch.setattr(denoiser, "load_denoiser", lambda *_: lambda pixels: 0.9 * pixels)
    method = Method("mine", TRAINED) if name == "mine" else known_methods(None)[name]

    def images(pixels):
        measurement = Measurement(pixels, NoiseModel.white(255 * SIGMA))
        runner = make_runner(method, Settings(steps=3, width=16), measurement, HELDOUT[:32, :32])
        return runner.restore(lambda *_: None).image, runner.predict(lambda *_: None)

    noisy = NOISY[:32, :32]
    changed = noisy.copy()
    changed[HELDOUT[:32, :32]] = 0.5
    (restored, prediction), (other, again) = images(noisy), images(changed)
    assert np.array_equal(prediction, again)
    # A fit alone never knows them: its one image is its prediction.
    assert np.array_equal(restored, other) is (name == "dip")


def test_the_fit_alone_is_no_mixture():
    measured = Measurement(NOISY[:32, :32], NoiseModel.white(255 * SIGMA))

    def restored(name):
        runner = make_runner(known_methods(None)[name], Settings(steps=3, width=16), measured, HELDOUT[:32, :32])
        return runner.restore(lambda *_: None).image

    fitted, combined = restored("dip"), restored("nasdip-restore")
    bayes = make_reference(measured).image
    share = fit_share(measured, fitted)
    assert share.max() > 0.05
    assert np.allclose(combined, share * fitted + (1 - share) * bayes, atol=1e-5)


def test_a_level_that_the_picture_contradicts_gives_no_estimate():
    measurement = measurement_of(NOISY, 5.0)
    scene = make_scene(measurement, None, HELDOUT)
    assert scene.variance is None
    notes = table_notes([], [], scene, measurement)
    assert any("the picture contradicts the noise level that was given" in line for line in notes)


def test_memory_that_is_used_again_counts_again():
    """In a process of its own, as methods are: 200 MiB that were freed before are no memory of what comes."""
    code = (
        "from nasdip.process import prepare; prepare()\n"
        "import numpy as np\nfrom nasdip.compare.memory import PeakMemory\n"
        "def use(): np.ones(25 * 2**20)\n"
        "use()\nmemory = PeakMemory()\nuse()\nprint(memory.read().added)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(200 * 2**20, rel=0.1)


def test_the_methods_are_chosen_by_name():
    known = known_methods(None)
    assert [m.source for m in choose_methods("nas-dip, tv", known)] == ["nas-dip-denoise", ""]
    assert {"dip", "zs-n2n", "tv", "nl-means", "nl-bayes"} <= {m.name for m in choose_methods(None, known)}


def test_one_line_says_which_package_is_missing(monkeypatch):
    from nasdip.baselines import block_matching

    monkeypatch.setattr(block_matching, "find_spec", lambda name: None)
    known = known_methods(None)
    assert "bm3d" not in {method.name for method in choose_methods(None, known)}
    with pytest.raises(NasdipError, match="pip install bm3d"):
        choose_methods("bm3d", known)


def test_the_table_leaves_out_columns_without_numbers():
    rows = [Row("noisy"), Row("tv", heldout=20.0, seconds=1.0), Row("bm3d", failure="no luck")]
    table = make_table(rows, ["a note."])
    assert "PSNR (dB)" not in table.header
    assert "GPU memory" not in table.header
    assert table.lines[1][:2] == ("tv", "20.00")
    assert table.lines[2][0] == "bm3d (failed)"
    assert table.notes == ("bm3d failed: no luck.", "a note.")
    assert "PSNR (dB)" in make_table([Row("tv", psnr=30.0, ssim=0.9)], []).header


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_all_panels_share_crop_and_range(channels):
    images = {f"image {i}": np.asarray(NOISY[:48, :40, :1] * np.ones(channels), np.float32) for i in range(8)}
    shown = make_panels(images, [Row("image 1", psnr=30.123, ssim=0.91), Row("image 2", heldout=20.0)])
    assert [panel.words for panel in shown.panels[:4]] == ["", "30.12 dB, 0.910", "held-out 20.00 dB", ""]
    assert shown.box.side == 40
    assert {panel.pixels.shape for panel in shown.panels} == {(40, 40, 3) if channels == 3 else (40, 40)}
    assert shown.low < shown.high
    comparison_of_methods(shown).canvas.draw()
