"""What `nasdip restore` offers without a clean image: noise level, stopping rule, quality."""

import imageio.v3 as iio
import numpy as np
import pytest
from skimage.data import astronaut
from skimage.filters import gaussian
from skimage.util import img_as_float32

from nasdip.cli.commands import restore
from nasdip.measurement.add_noise import add_noise
from nasdip.options.stopping_rules import rule_names
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration import working_time

REPORTED = ("--width", "8", "--architecture", "dip+bilinear:4.4")
NARROW = ("--no-report", *REPORTED)


@pytest.fixture
def picture(folder):
    """A noisy picture that is large enough to tell its noise."""

    def write(kind="gaussian", side=40, **options):
        clean = img_as_float32(astronaut()[60 : 60 + side, 170 : 170 + side])
        noisy = add_noise(clean, kind, seed=3, clip=True, **options)
        iio.imwrite("noisy.png", np.round(255 * noisy).astype(np.uint8))
        iio.imwrite("true.png", np.round(255 * clean).astype(np.uint8))

    return write


def test_the_rule_that_suits_the_noise_stops_the_fit(folder, nasdip, picture):
    picture(side=24, sigma=40)
    eager = ("--no-report", "--width", "24", "--architecture", "nearest+conv3+leaky-relu:111.011.001")
    code, _, err = nasdip("restore", "noisy.png", "--steps", "300", *eager)
    done = RestorationFolder(folder / "restored/noisy").read()
    fit = done.repetitions[0]
    assert code == 0
    assert (done.config.stop, done.refined, done.kind) == ("reference", True, "gaussian")
    assert fit.image_step < len(fit.curves.step) < 300
    assert f"image taken, by the rule reference, at step {fit.image_step} of {len(fit.curves.step)}" in err
    assert "white Gaussian noise of level" in err
    assert np.isfinite(fit.curves.score).any()


def test_a_limit_that_is_too_low_is_told(folder, nasdip, picture):
    picture(sigma=25)
    _, _, err = nasdip("restore", "noisy.png", "--steps", "20", *NARROW)
    assert "allow more steps, as with --steps 40." in err
    assert "cautions (the report says why): " in err
    assert "A later step may be better" in err


def test_the_estimate_is_told_without_a_clean_image(folder, nasdip, picture):
    picture(sigma=25)
    _, _, err = nasdip("restore", "noisy.png", "--steps", "20", *NARROW)
    expected = RestorationFolder(folder / "restored/noisy").read().expected
    told = f"{expected.psnr:.2f} dB; 90 % interval {expected.low:.2f} to {expected.high:.2f} dB"
    assert f"estimated PSNR, without a clean image: {told}" in err


def test_a_level_that_the_picture_contradicts_is_told_and_nothing_is_estimated(folder, nasdip, picture):
    picture(sigma=25)
    _, _, err = nasdip("restore", "noisy.png", "--sigma", "5", "--steps", "12", *REPORTED)
    done = RestorationFolder(folder / "restored/noisy").read()
    assert (done.sigma, done.expected, done.contradicted) == (5.0, None, True)
    assert "± 0.0" not in err
    assert "but the picture looks like 2" in err
    assert "estimated PSNR, without a clean image: none: the picture contradicts the noise level" in err
    assert "The noise level may be wrong" in err
    page = (folder / "restored/noisy/report.html").read_text()
    assert "The noise level may be wrong" in page
    assert "given, but the picture looks like 2" in page
    assert "nothing but noise was removed" not in page
    _, out, _ = nasdip("status", "restored/noisy")
    assert "estimated    PSNR none: the picture contradicts" in out


def test_correlated_noise_is_recognised_and_promised_nothing(folder, nasdip):
    clean = img_as_float32(astronaut()[60:108, 170:218])
    slow = gaussian(np.random.default_rng(3).normal(size=clean.shape), 1, channel_axis=-1)
    noisy = np.clip(clean + 30 / 255 * slow / slow.std(), 0, 1)
    iio.imwrite("noisy.png", np.round(255 * noisy).astype(np.uint8))
    _, _, err = nasdip("restore", "noisy.png", "--steps", "12", *REPORTED)
    done = RestorationFolder(folder / "restored/noisy").read()
    assert (done.kind, done.config.stop, done.reference, done.expected) == ("correlated", "fixed", None, None)
    assert "Neighbouring pixels share noise" in err
    assert "estimated PSNR, without a clean image: none: neighbouring pixels share noise" in err
    assert "Nothing is promised" in err
    assert "network learned noise" not in err
    page = (folder / "restored/noisy/report.html").read_text()
    for words in ("Nothing is promised", "The residual cannot be judged", "Neighbouring pixels share noise"):
        assert words in page
    _, out, _ = nasdip("status", "restored/noisy")
    assert "estimated    PSNR none: neighbouring pixels share noise" in out


def test_a_lossy_file_is_told(folder, nasdip, picture):
    picture(sigma=25)
    iio.imwrite("noisy.jpg", iio.imread("noisy.png"), quality=90)
    _, _, err = nasdip("restore", "noisy.jpg", "--steps", "3", *REPORTED)
    assert "A lossy file: compression changes the noise, and its level may be far off." in err
    assert "nasdip restore --sigma" in (folder / "restored/noisy/report.html").read_text()
    _, _, err = nasdip("restore", "noisy.jpg", "-o", "given", "--sigma", "25", "--steps", "3", *NARROW)
    assert "A lossy file: compression changes the noise.\n" in err
    _, _, err = nasdip("restore", "noisy.png", "-o", "png", "--steps", "3", *NARROW)
    assert "lossy" not in err


@pytest.mark.parametrize(("steps", "told"), [("1099", True), ("1100", False)])
def test_a_rule_that_cannot_end_a_fit_is_told_before_it(folder, nasdip, monkeypatch, steps, told):
    monkeypatch.setattr(restore, "_restore", stopped)
    code, _, err = nasdip("restore", "photo.png", "--stop", "es-wmv", "--steps", steps, *NARROW)
    assert code == 130
    assert (f"the rule es-wmv cannot end a fit within {steps} steps" in err) == told
    assert ("--steps 1100 or more would let it" in err) == told


def stopped(*_):
    raise KeyboardInterrupt


def test_a_picture_is_measured_once(folder, nasdip, monkeypatch, picture):
    picture(sigma=25)
    real, calls = restore.measurement_of, []
    monkeypatch.setattr(restore, "measurement_of", lambda *given: calls.append(1) or real(*given))
    assert nasdip("restore", "noisy.png", "photo.png", "--steps", "3", *NARROW)[0] == 0
    assert len(calls) == 2
    monkeypatch.setattr(restore, "_KEPT", 40 * 40 * 3 * 4)  # room for one of the two
    assert nasdip("restore", "noisy.png", "photo.png", "-o", "less", "--steps", "3", *NARROW)[0] == 0
    assert len(calls) == 2 + 3
    assert np.array_equal(iio.imread("less/photo.png"), iio.imread("restored/photo.png"))


def test_level_rule_and_refinement_can_be_given(folder, nasdip, picture):
    picture(sigma=25)
    nasdip("restore", "noisy.png", "--sigma", "40", "--stop", "heldout", "--no-refine", "--steps", "12", *NARROW)
    done = RestorationFolder(folder / "restored/noisy").read()
    assert (done.sigma, done.config.stop, done.config.heldout, done.refined) == (40.0, "heldout", 0.05, False)
    assert np.array_equal(done.image, done.repetitions[0].averaged)
    assert done.reference is None


def test_another_level_is_another_restoration(folder, nasdip, picture):
    picture(sigma=25)
    for sigma in ("25", "25", "30"):
        _, _, err = nasdip("restore", "noisy.png", "--sigma", sigma, "--steps", "5", *NARROW)
    assert "now in restored/noisy.1" in err
    assert RestorationFolder(folder / "restored/noisy.1").read().sigma == 25
    assert RestorationFolder(folder / "restored/noisy").read().sigma == 30


def test_a_quality_is_a_number_of_fits(folder, nasdip, picture):
    picture(sigma=25)
    nasdip("restore", "noisy.png", "--quality", "balanced", "--steps", "4", *NARROW)
    assert len(RestorationFolder(folder / "restored/noisy").read().repetitions) == 3
    nasdip("restore", "noisy.png", "--quality", "best", "--repeats", "2", "--steps", "4", "-o", "two", *NARROW)
    assert len(RestorationFolder(folder / "two/noisy").read().repetitions) == 2


def test_impulses_are_replaced_and_the_rest_is_kept(folder, nasdip, picture):
    picture("salt-pepper", side=64)
    nasdip("restore", "noisy.png", "--steps", "100", *NARROW)
    done = RestorationFolder(folder / "restored/noisy").read()
    noisy, true, restored = (iio.imread(name).astype(float) for name in ("noisy.png", "true.png", "restored/noisy.png"))
    assert (done.kind, done.config.stop) == ("impulse", "heldout")
    changed = (noisy != true).any(axis=2)
    assert np.mean((restored - true)[changed] ** 2) < 0.1 * np.mean((noisy - true)[changed] ** 2)
    assert np.mean((restored - true)[~changed] ** 2) < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stop", "never"), f"stopping rule never is out of range: use one of {', '.join(rule_names())}"),
        (("--sigma", "much"), "sigma 'much' is no noise level: use a number in 8-bit units, or auto"),
        (("--sigma", "-3"), "sigma -3.0 is no noise level: use a number from 0, in 8-bit units, or auto"),
        (("--quality", "superb"), "unknown quality 'superb': use fast, balanced or best"),
    ],
)  # fmt: skip
def test_options_that_are_none_are_refused(folder, nasdip, options, message):
    code, out, err = nasdip("restore", "photo.png", *options)
    assert (code, out, err.strip()) == (2, "", f"nasdip: error: {message}")
    assert not (folder / "restored").exists()


@pytest.mark.parametrize("rule", ["reference", "sure"])
def test_a_rule_that_needs_noise_is_refused_without_any_before_the_first_fit(folder, nasdip, rule):
    iio.imwrite("flat.png", np.full((32, 32), 90, np.uint8))
    code, out, err = nasdip("restore", "photo.png", "flat.png", "--stop", rule, "--steps", "3", *NARROW)
    assert (code, out) == (2, "")
    assert err.startswith(f"nasdip: error: the rule {rule} needs noise of known level")
    assert not (folder / "restored").exists()


def test_the_time_of_what_needs_no_network_is_that_of_what_is_to_be_done(folder, nasdip, monkeypatch, picture):
    picture(sigma=25)
    monkeypatch.setattr(working_time, "reference_seconds", lambda *_, **__: 60.0)
    told = "the estimates without a network take about"
    _, _, first = nasdip("restore", "noisy.png", "--steps", "3", *NARROW)
    _, _, again = nasdip("restore", "noisy.png", "--steps", "3", *NARROW)
    _, _, doubted = nasdip("restore", "noisy.png", "--steps", "3", "--sigma", "60", *NARROW)
    assert f"{told} 3 min\n" in first
    assert f"{told} 2 min; going on" in again
    assert f"{told} 1 min\n" in doubted
