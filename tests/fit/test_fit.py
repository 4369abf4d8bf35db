import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.classical.reference import make_reference
from nasdip.errors import NasdipError
from nasdip.fit.fit import fit
from nasdip.fit.loop import FitLoop
from nasdip.imaging.metrics import psnr
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.measurement.unclipping import seen_intensities
from nasdip.network.build import build_network
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture
from nasdip.threads import use_threads

SMALL = Architecture.from_text("bilinear+conv3+leaky-relu:10.01")
PLAIN = Architecture.from_text("dip+bilinear:4.4")


def picture(size=32):
    clean = img_as_float32(astronaut()[90 : 90 + size, 200 : 200 + size])
    return clean, add_noise(clean, sigma=25, seed=1).astype(np.float32)


def run(measurement, config=None, *, seed=0, architecture=SMALL, **options):
    network = build_network(architecture, out_channels=measurement.pixels.shape[2], width=8, seed=seed)
    return fit(network, architecture, measurement, config or FitConfig(steps=12), seed=seed, **options)


def test_same_seed_same_result_and_other_seed_another():
    measurement = Measurement(picture()[1])
    first, again, other = (run(measurement, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.averaged, again.averaged)
    assert np.array_equal(first.curves.loss, again.curves.loss)
    assert not np.array_equal(first.averaged, other.averaged)


def test_the_fit_denoises():
    clean, noisy = picture(32)
    result = run(Measurement(noisy), FitConfig(steps=80), clean=clean)
    assert psnr(clean, result.averaged, data_range=1.0) > psnr(clean, noisy, data_range=1.0) + 2


def test_curves_measure_the_images():
    clean, noisy = picture(33)
    result = run(Measurement(noisy), FitConfig(steps=15), clean=clean)
    curves = result.curves
    assert curves.oracle_psnr_averaged[-1] == pytest.approx(result.psnr_averaged, abs=1e-4)
    assert curves.oracle_psnr_averaged[-1] == pytest.approx(psnr(clean, result.averaged, data_range=1.0), abs=1e-3)
    assert curves.oracle_psnr_raw[-1] == pytest.approx(psnr(clean, result.last, data_range=1.0), abs=1e-3)
    assert result.oracle_step == 1 + np.argmax(curves.oracle_psnr_averaged)
    assert result.oracle_psnr == pytest.approx(psnr(clean, result.oracle, data_range=1.0), abs=1e-3)
    assert result.bands.correspondence.shape == (len(result.bands.step), 5)


def test_clean_image_changes_nothing_but_what_is_called_oracle():
    clean, noisy = picture()
    with_clean, without = run(Measurement(noisy), clean=clean), run(Measurement(noisy))
    assert np.array_equal(with_clean.averaged, without.averaged)
    assert without.oracle is None
    assert without.curves.oracle_psnr_raw is None


def test_held_out_pixels_do_not_reach_the_weights():
    _, noisy = picture(24)
    config = FitConfig(steps=3, heldout=0.25)
    reference = run(Measurement(noisy), config)
    rng = np.random.default_rng(0)
    # Change single pixels: those held out leave the averaged image as it is, all others change it.
    unchanged = 0
    for row, column in rng.integers(0, 24, (24, 2)):
        changed = noisy.copy()
        changed[row, column] = 1 - changed[row, column]
        unchanged += np.array_equal(run(Measurement(changed), config).averaged, reference.averaged)
    assert 1 <= unchanged <= 14  # 6 expected of 24


def test_held_out_error_follows_the_true_one():
    clean, noisy = picture(48)
    result = run(Measurement(noisy, NoiseModel.white(25.0)), FitConfig(steps=80, heldout=0.3), clean=clean)
    # 691 pixels tell the error to about 0.6 dB here; the fit sees the other pixels, so its error there is smaller.
    assert result.psnr_averaged - 3 < result.estimated_psnr < result.psnr_averaged + 1
    assert result.heldout_psnr == pytest.approx(-10 * np.log10(result.curves.heldout[-1]))
    true_error = 10 ** (-result.curves.oracle_psnr_averaged / 10)
    assert np.corrcoef(result.curves.heldout, true_error)[0, 1] > 0.99


def test_the_estimate_knows_what_clipping_leaves_of_the_noise():
    clean = np.tile(np.linspace(0.0, 0.25, 64, dtype=np.float32), (40, 1))[..., None]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25 / 255, clean.shape), 0, 1).astype(np.float32)
    measurement = Measurement(noisy, NoiseModel.white(25.0))
    seen = seen_intensities(measurement, clean).astype(np.float32)
    reference = make_reference(measurement)
    result = run(measurement, FitConfig(steps=80, heldout=0.4), clean=seen, reference=reference)
    # 1024 pixels tell an error of a thirtieth of the noise to about 3 dB; without clipping in mind it is 11 dB off.
    assert result.estimated_psnr == pytest.approx(result.psnr_averaged, abs=3)


@pytest.mark.parametrize("shape", [(16, 16, 1), (17, 70, 3), (65, 33, 5)])
def test_any_size_and_number_of_channels(shape):
    noisy = np.random.default_rng(0).random(shape, dtype=np.float32)
    result = run(Measurement(noisy), FitConfig(steps=3), architecture=Architecture.from_text("dip+bilinear:4.4.4.4.4"))
    assert result.averaged.shape == shape


def test_a_picture_in_a_corner_of_its_range_comes_back_in_its_units():
    clean, _ = picture(32)
    dim = (0.02 + 0.04 * clean).astype(np.float32)
    result = run(Measurement(dim), FitConfig(steps=150), clean=dim)
    assert abs(result.averaged.mean() - dim.mean()) < 0.003
    assert result.curves.oracle_psnr_averaged[-1] == pytest.approx(psnr(dim, result.averaged, data_range=1.0), abs=1e-3)


class Breaking(torch.nn.Module):
    """A network whose output is broken at chosen calls."""

    def __init__(self, network, breaks):
        super().__init__()
        self.network, self.breaks, self.calls = network, breaks, 0

    def forward(self, z):
        self.calls += 1
        output = self.network(z)
        return output * self.breaks.get(self.calls, 1.0)


def test_falls_back_from_nan_and_spikes_and_says_so():
    clean, noisy = picture(32)
    network = Breaking(build_network(SMALL, width=8), {45: float("nan"), 78: 100.0})
    result = fit(network, SMALL, Measurement(noisy), FitConfig(steps=100), clean=clean)
    assert [event.step for event in result.events] == [50, 80]
    assert "not a number" in result.events[0].message
    assert "rose" in result.events[1].message
    assert np.isfinite(result.averaged).all()
    undisturbed = fit(build_network(SMALL, width=8), SMALL, Measurement(noisy), FitConfig(steps=100), clean=clean)
    gap = undisturbed.curves.oracle_psnr_averaged[-1] - result.curves.oracle_psnr_averaged[-1]
    assert gap < 2


def test_weights_that_break_at_the_end_of_a_window_are_not_kept():
    _, noisy = picture(32)
    network = build_network(SMALL, width=8)
    gradients = []

    def poison(gradient):
        gradients.append(1)
        return gradient * float("nan") if len(gradients) == 50 else gradient

    next(network.parameters()).register_hook(poison)
    result = fit(network, SMALL, Measurement(noisy), FitConfig(steps=100))
    assert [event.step for event in result.events] == [60]
    assert "state of step 40" in result.events[0].message
    assert result.image_step == 100
    assert np.isfinite(result.curves.loss[60:]).all()


def test_a_fit_that_cannot_go_on_ends_with_its_last_good_image():
    _, noisy = picture(32)
    network = Breaking(build_network(SMALL, width=8), dict.fromkeys(range(61, 1000), float("nan")))
    result = fit(network, SMALL, Measurement(noisy), FitConfig(steps=1000))
    assert result.image_step == 50
    assert len(result.curves.step) == 120
    assert "ended there" in result.events[-1].message
    assert np.isfinite(result.averaged).all()


@pytest.mark.parametrize("steps", [8, 1000])
def test_a_fit_that_fails_from_the_start_is_a_clear_error(steps):
    _, noisy = picture(32)
    network = Breaking(build_network(SMALL, width=8), dict.fromkeys(range(1, 1000), float("nan")))
    with pytest.raises(NasdipError, match="not a number"):
        fit(network, SMALL, Measurement(noisy), FitConfig(steps=steps))


def test_a_span_of_the_average_lets_it_forget_its_first_outputs():
    clean, noisy = picture(32)
    plain, spanned = (
        run(Measurement(noisy), FitConfig(steps=40, average=0.99, average_span=span), clean=clean)
        for span in (0.0, 0.1)
    )
    # The average changes nothing of the fit itself: both saw the same outputs.
    assert np.array_equal(plain.curves.loss, spanned.curves.loss)
    outputs = fits_outputs(noisy, FitConfig(steps=40))
    average = outputs[0]
    for step, output in enumerate(outputs[1:], start=2):
        average = average + min(1.0, 10 / step) * (output - average)
    assert np.allclose(spanned.averaged, average, atol=1e-5)
    assert spanned.psnr_averaged > plain.psnr_averaged + 0.5


def fits_outputs(noisy, config):
    """Return the output of every step of the fit that `run` makes."""
    loop = FitLoop(build_network(SMALL, width=8), SMALL, Measurement(noisy), config, 0, None, torch.device("cpu"))
    outputs = []
    with use_threads(1):  # as `fit` has it for so small an image
        for step in range(1, config.steps + 1):
            loop.step(step)
            outputs.append(loop.network_fit.last[0].permute(1, 2, 0).numpy().copy())
    return outputs


def test_the_weights_of_the_average():
    published = FitConfig()
    assert [published.average_weight_at(step) for step in (1, 2, 1200)] == [0.0, 0.99, 0.99]
    spanned = FitConfig(average_span=0.1)
    assert [spanned.average_weight_at(step) for step in (1, 5, 10, 20, 500, 1200)] == pytest.approx(
        [0, 0, 0, 0.5, 0.98, 0.99]
    )


def test_a_shorter_second_moment_is_further_after_the_same_steps():
    clean, noisy = picture(40)
    published, short = (
        run(Measurement(noisy), FitConfig(steps=100, second_moment=m), clean=clean, architecture=PLAIN)
        for m in (0.999, 0.9)
    )
    assert short.psnr_averaged > published.psnr_averaged + 0.4
    assert short.curves.loss[-20:].mean() < published.curves.loss[-20:].mean()


def test_the_learning_rate_warms_up():
    _, noisy = picture(32)
    network = build_network(SMALL, width=8)
    weight = next(p for p in network.parameters() if p.ndim == 4)
    loop = FitLoop(network, SMALL, Measurement(noisy), FitConfig(warm_up=4), 0, None, torch.device("cpu"))
    largest = []
    for step in range(1, 8):
        before = weight.detach().clone()
        loop.step(step)
        largest.append(float((weight.detach() - before).abs().max()) / 0.01)
    # Adam's first step changes every weight by the learning rate, and its next ones by about as much.
    assert largest[0] == pytest.approx(0.25, rel=1e-3)
    assert largest[1] == pytest.approx(0.5, rel=0.4)
    assert min(largest[4:]) > 0.6


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [("warm_up", -1, "from 0"), ("second_moment", 1.0, r"\[0, 1\)"), ("average_span", 1.5, r"\[0, 1\]")],
)
def test_settings_that_are_none_are_refused(name, value, advice):
    with pytest.raises(NasdipError, match=advice):
        FitConfig(**{name: value})


@pytest.mark.gpu
def test_a_fit_on_a_gpu():
    clean, noisy = picture(64)
    result = run(Measurement(noisy), FitConfig(steps=250), clean=clean, device="cuda")
    assert result.psnr_averaged > psnr(clean, noisy, data_range=1.0) + 2


def test_a_clean_image_of_another_size_is_refused():
    clean, noisy = picture(32)
    with pytest.raises(NasdipError, match="one size"):
        run(Measurement(noisy), clean=clean[:16])
