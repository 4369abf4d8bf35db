"""What `nasdip restore` offers without a clean image: noise level, stopping rule, quality."""

import imageio.v3 as iio
import numpy as np
import pytest
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.imaging.noise import add_noise
from nasdip.prior.restoration_folder import RestorationFolder

NARROW = ("--no-report", "--width", "8", "--architecture", "dip+bilinear:4.4")


@pytest.fixture
def picture(folder):
    """A noisy picture that is large enough to tell its noise."""

    def write(kind="gaussian", **options):
        clean = img_as_float32(astronaut()[60:124, 170:234])
        noisy = add_noise(clean, kind, seed=3, clip=True, **options)
        iio.imwrite("noisy.png", np.round(255 * noisy).astype(np.uint8))
        iio.imwrite("true.png", np.round(255 * clean).astype(np.uint8))

    return write


def test_the_rule_that_suits_the_noise_stops_the_fit(folder, nasdip, picture):
    picture(sigma=25)
    eager = ("--no-report", "--width", "32", "--architecture", "nearest+conv3+leaky-relu:111.011.001")
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
    assert "the best may still be ahead at the last step: use more, --steps 40" in err


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
    picture("salt-pepper")
    nasdip("restore", "noisy.png", "--steps", "120", *NARROW)
    done = RestorationFolder(folder / "restored/noisy").read()
    noisy, true, restored = (iio.imread(name).astype(float) for name in ("noisy.png", "true.png", "restored/noisy.png"))
    assert (done.kind, done.config.stop) == ("impulse", "heldout")
    changed = (noisy != true).any(axis=2)
    assert np.mean((restored - true)[changed] ** 2) < 0.1 * np.mean((noisy - true)[changed] ** 2)
    assert np.mean((restored - true)[~changed] ** 2) < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stop", "never"), "stopping rule never is out of range: use one of auto, reference, heldout, sure, es-wmv, "
                              "whiteness, fixed"),
        (("--sigma", "much"), "sigma 'much' is no noise level: use a number in 8-bit units, or auto"),
        (("--sigma", "-3"), "sigma -3.0 is no noise level: use a number from 0, in 8-bit units, or auto"),
        (("--quality", "superb"), "unknown quality 'superb': use fast, balanced, best"),
    ],
)  # fmt: skip
def test_options_that_are_none_are_refused(folder, nasdip, options, message):
    code, out, err = nasdip("restore", "photo.png", *options)
    assert (code, out, err.strip()) == (2, "", f"nasdip: error: {message}")
    assert not (folder / "restored").exists()


def test_sure_without_noise_says_what_it_lacks(folder, nasdip):
    iio.imwrite("flat.png", np.full((32, 32), 90, np.uint8))
    code, _, err = nasdip("restore", "flat.png", "--stop", "reference", "--steps", "3", *NARROW)
    assert code == 2
    assert "reference" in err
