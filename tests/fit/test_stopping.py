from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.classical.reference import make_reference
from nasdip.errors import NasdipError
from nasdip.fit.data_term import DataTerm
from nasdip.fit.fit import fit
from nasdip.fit.loop import FitLoop
from nasdip.fit.stopping.automatic import choose_stop, decided
from nasdip.fit.stopping.choice import make_rule
from nasdip.fit.stopping.moving_variance import MovingVariance
from nasdip.fit.stopping.residual import ResidualWhiteness
from nasdip.fit.stopping.rule import BestIterate, Outputs, StoppingContext
from nasdip.fit.stopping.sure import PROBE
from nasdip.imaging.padding import Padding
from nasdip.imaging.whiteness import whiteness
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.network.build import build_network
from nasdip.options.fit import STOPS, FitConfig
from nasdip.options.stopping_rules import STOPPING_RULES
from nasdip.space.architecture import Architecture
from nasdip.threads import use_threads

SMALL, DEEPER = (Architecture.from_text(text) for text in ("dip+bilinear:4.4", "dip+bilinear:4.4.4"))
# dB below the best step that a rule may choose here, whatever the processor's rounding; whiteness is known to stop too
# soon on small images. Of 4800 values sure knows the error to sigma^2 sqrt(2 / 4800), 0.7 dB at 29 dB; 160 pixels are
# held out.
LOSS = {"reference": 0.3, "sure": 0.8, "heldout": 1.2, "whiteness": 2.0}
NO_PADDING = Padding(0, 0, 0, 0)
FAST = FitConfig(steps=400, learning_rate=0.02, warm_up=20, second_moment=0.9, input_noise=0.04, average_span=0.1)


def picture(size):
    clean = img_as_float32(astronaut()[90 : 90 + size, 200 : 200 + size])
    return clean, add_noise(clean, sigma=25, seed=1).astype(np.float32)


def measured(size):
    clean, noisy = picture(size)
    measurement = Measurement(noisy, NoiseModel.white(25.0))
    return clean, measurement, make_reference(measurement)


def run(measurement, config, *, clean=None, seed=0, width=8, **options):
    network = build_network(SMALL, width=width, seed=seed)
    return fit(network, SMALL, measurement, config, seed=seed, clean=clean, **options)


def context_of(noisy, reference=None, probe=None):
    data = DataTerm(Measurement(noisy), NO_PADDING, torch.device("cpu"))
    return StoppingContext(data, NO_PADDING, noisy.shape, reference, probe, seed=0)


def outputs(step, raw, averaged=None, perturbed_fit=None):
    return Outputs(torch.tensor([step]), raw, raw if averaged is None else averaged, perturbed_fit)


@pytest.fixture(scope="module")
def followed():
    """A fit that overfits, followed by all rules; one without and one with pixels held out."""
    clean, measurement, reference = measured(40)
    rules = ("reference", "sure", "whiteness")
    loops = []
    for names, heldout in ((rules, 0.0), (("heldout",), 0.1)):
        config = replace(FAST, steps=270, stop=names[0], heldout=heldout)
        network, cpu = build_network(DEEPER, width=16), torch.device("cpu")
        loop = FitLoop(network, DEEPER, measurement, config, 0, clean, cpu, names[1:], reference)
        with use_threads(1):  # as `fit` has it for so small an image
            for step in range(1, config.steps + 1):
                loop.step(step)
                if step % 10 == 0:
                    loop.check(step)
        loops.append(loop.result(1.0))
    return loops


def test_rules_find_images_near_the_best_of_a_fit_that_goes_on_to_noise(followed):
    for result in followed:
        assert result.curves.oracle_psnr_averaged[-1] < result.oracle_psnr - 1
        for name, choice in result.choices.items():
            assert result.oracle_psnr - choice.psnr < LOSS[name], name
            assert choice.step < choice.steps < 270, name
            # What is told of the choice is what the curve says of its step.
            assert choice.psnr == pytest.approx(result.curves.oracle_psnr_averaged[choice.step - 1], abs=1e-4)


def test_the_rule_ends_the_fit_and_its_image_is_the_chosen_one():
    clean, measurement, reference = measured(32)
    result = run(measurement, replace(FAST, stop="reference"), clean=clean, reference=reference)
    assert len(result.curves.step) < 400
    assert result.image_step == 1 + np.nanargmin(result.curves.score)
    assert result.psnr_averaged == pytest.approx(result.curves.oracle_psnr_averaged[result.image_step - 1], abs=1e-4)
    assert not result.hit_step_limit
    # The score is the distance from the reference.
    distance = np.mean((result.averaged - reference.image) ** 2)
    assert result.curves.score[result.image_step - 1] == pytest.approx(distance, rel=1e-4)


def test_a_fit_whose_best_is_still_ahead_says_so():
    _, measurement, reference = measured(24)
    assert run(measurement, replace(FAST, steps=30, stop="reference"), reference=reference).hit_step_limit
    assert not run(measurement, replace(FAST, steps=30)).hit_step_limit  # without a rule nobody knows


def test_watched_rules_change_nothing():
    _, measurement, reference = measured(24)
    config = replace(FAST, steps=20)
    plain, watched = (
        run(measurement, config, reference=reference, watched=rules)
        for rules in ((), ("reference", "sure", "whiteness", "es-wmv"))
    )
    assert np.array_equal(plain.averaged, watched.averaged)
    assert set(watched.choices) == {"reference", "sure", "whiteness", "es-wmv"}
    assert plain.choices == {}


def test_a_reference_is_made_where_the_rule_lacks_one():
    _, measurement, reference = measured(24)
    config = replace(FAST, steps=10, stop="reference")
    made, given = run(measurement, config), run(measurement, config, reference=reference)
    assert np.array_equal(made.averaged, given.averaged)


def test_a_reference_that_is_given_is_enough_where_nothing_is_known_of_the_noise():
    _, measurement, reference = measured(24)
    config = replace(FAST, steps=10, stop="reference")
    told, untold = (run(replace(measurement, noise=n), config, reference=reference) for n in (measurement.noise, None))
    assert np.array_equal(told.averaged, untold.averaged)
    with pytest.raises(NasdipError, match="the rule reference needs noise of known level"):
        run(Measurement(measurement.pixels), config)


def test_one_image_is_kept_the_best():
    class Falling:
        def score(self, outputs):
            return (outputs.averaged - 3).abs().mean()

        def patience(self, best):
            return 4

    iterate = BestIterate(Falling(), torch.zeros(1, 1, 2, 2))
    assert not iterate.check(0)  # nothing seen: nothing to wait for
    for step in range(1, 7):
        iterate.see(outputs(step, torch.full((1, 1, 2, 2), float(step))))
        assert not iterate.check(step)
    iterate.see(outputs(7, torch.full((1, 1, 2, 2), 7.0)))
    assert iterate.check(7)
    assert (int(iterate.step), float(iterate.image.mean()), iterate.ended) == (3, 3.0, 7)
    iterate.see(outputs(8, torch.full((1, 1, 2, 2), 3.0)))  # after its end it stays as it is
    assert int(iterate.step) == 3


def test_a_score_that_is_not_a_number_is_never_the_best():
    black = torch.zeros(1, 1, 16, 16)
    rule = make_rule("reference", context_of(np.zeros((16, 16, 1), np.float32), reference=black))
    iterate = BestIterate(rule, black)
    iterate.see(outputs(1, torch.full_like(black, torch.nan)))
    assert int(iterate.step) == 0
    assert torch.isinf(iterate.score)


def test_moving_variance_is_that_of_a_buffer_of_outputs():
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(size=(130, 1, 3, 16, 16)).astype(np.float32))
    rule = MovingVariance(context_of(np.zeros((16, 16, 3), np.float32)))
    for step, image in enumerate(images, start=1):
        score = float(rule.score(outputs(step, image)))
        if step < 100:
            assert score == np.inf
        else:
            assert score == pytest.approx(float(images[step - 100 : step].var(dim=0, unbiased=False).mean()), rel=1e-4)
    assert rule.patience(5) == 1000


def test_moving_variance_of_a_large_image_keeps_a_sample():
    rule = MovingVariance(context_of(np.zeros((256, 256, 3), np.float32)))
    assert rule._outputs.numel() == 100 * 2**14


def test_the_whiteness_rule_is_the_whiteness_test():
    clean, noisy = picture(33)
    rule = ResidualWhiteness(context_of(noisy))
    averaged = torch.from_numpy(np.ascontiguousarray(clean.transpose(2, 0, 1)[None]))
    assert float(rule.score(outputs(1, averaged))) == pytest.approx(whiteness(noisy - clean).statistic, abs=1e-4)


def test_sure_is_the_error_of_a_linear_estimator():
    # A shrinking estimator s y has the divergence s n, and SURE + variance is its mean squared error on average.
    rng = np.random.default_rng(0)
    clean = rng.random((64, 64, 3)).astype(np.float32)
    noisy = clean + 0.1 * rng.normal(size=clean.shape).astype(np.float32)
    probe = torch.from_numpy((PROBE * 0.1 * rng.normal(size=clean.shape)).astype(np.float32).transpose(2, 0, 1)[None])
    context = context_of(noisy, probe=probe)
    for shrink in (0.5, 0.9):
        averaged = shrink * context.data.pixels
        perturbed_fit = shrink * (context.data.pixels + probe)
        score = float(make_rule("sure", context).score(outputs(1, averaged, averaged, perturbed_fit)))
        error = np.mean((shrink * noisy - clean) ** 2)
        assert score - 0.01 == pytest.approx(error, abs=0.0006)


def test_impulses_do_not_reach_the_weights():
    _, noisy = picture(32)
    impulses = np.random.default_rng(0).random((32, 32)) <= 0.2
    changed = noisy.copy()
    changed[impulses] = 1.0
    config = replace(FAST, steps=8)
    first, second = (
        run(Measurement(pixels, NoiseModel.white(25.0), impulses=impulses), config) for pixels in (noisy, changed)
    )
    assert np.array_equal(first.averaged, second.averaged)


def test_noisier_values_count_less():
    clean, _ = picture(32)
    variance = np.full(clean.shape, (10 / 255) ** 2, np.float32)
    variance[:, 16:] = (60 / 255) ** 2
    noisy = (clean + np.random.default_rng(0).normal(size=clean.shape) * np.sqrt(variance)).astype(np.float32)
    config = replace(FAST, steps=90)
    told, untold = (
        run(Measurement(noisy, NoiseModel.white(43.0), variance=v), config, clean=clean) for v in (variance, None)
    )
    assert told.oracle_psnr > untold.oracle_psnr + 0.2


@pytest.mark.parametrize(
    ("kind", "sigma", "rule"),
    [
        ("gaussian", 25.0, "reference"), ("poisson", 25.0, "reference"), ("speckle", 25.0, "reference"),
        ("impulse", 10.0, "reference"), ("impulse", 2.0, "heldout"), ("correlated", 25.0, "fixed"),
        ("gaussian", None, "heldout"),
    ],
)  # fmt: skip
def test_auto_chooses_by_the_noise(kind, sigma, rule):
    impulses = np.zeros((16, 16), bool) if kind == "impulse" else None
    noise = None if sigma is None else NoiseModel.white(sigma, kind)
    measurement = Measurement(np.zeros((16, 16, 1), np.float32), noise, impulses=impulses)
    assert choose_stop("auto", measurement) == rule
    assert choose_stop("sure", measurement) == "sure"
    assert decided(FitConfig(stop="auto"), measurement).heldout == (0.05 if rule == "heldout" else 0.0)


def test_rules_that_lack_something_say_what():
    bare = context_of(np.zeros((16, 16, 1), np.float32))
    for name, message in (("heldout", "held out"), ("reference", "reference image"), ("sure", "give sigma")):
        with pytest.raises(NasdipError, match=message):
            make_rule(name, bare)
    with pytest.raises(NasdipError, match="unknown stopping rule 'never': use one of reference"):
        make_rule("never", bare)
    with pytest.raises(NasdipError, match="stopping rule never is out of range"):
        FitConfig(stop="never")


def test_every_rule_has_a_name_in_the_settings():
    assert set(STOPPING_RULES) | {"auto", "fixed"} == set(STOPS)
