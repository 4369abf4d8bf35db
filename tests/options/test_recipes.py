"""The published recipe is the published loop; the fast one gets to the same quality in far fewer, cheaper steps."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from published_loop import PublishedLoop
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.fit.fit import fit
from nasdip.fit.loop import FitLoop
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.network.build import DEFAULT_WIDTH, build_network
from nasdip.network.plain.operations import count_parameters
from nasdip.options.recipes import RECIPES, find_recipe
from nasdip.space.architecture import Architecture

SMALL = Architecture.from_text("dip+bilinear:4.4")


def picture(size):
    clean = img_as_float32(astronaut()[90 : 90 + size, 200 : 200 + size])
    return clean, add_noise(clean, sigma=25, seed=1).astype(np.float32)


@pytest.mark.parametrize("text", ["dip+bilinear:4.4", "bilinear+conv3+leaky-relu:100.010.001"])
def test_the_published_recipe_is_the_published_loop(text):
    clean, noisy = picture(32)
    architecture = Architecture.from_text(text)
    config = replace(find_recipe("published").config, input_noise=0.0)
    ours = FitLoop(
        build_network(architecture, width=8), architecture, Measurement(noisy), config, 0, clean, torch.device("cpu")
    )
    theirs = PublishedLoop(build_network(architecture, width=8), noisy, clean, "cpu")
    theirs._saved_input = ours.z.contiguous()
    theirs._noise = SimpleNamespace(normal_=lambda: torch.zeros(()))  # their generator is not ours
    raw = []
    for step in range(1, 11):
        ours.step(step)
        raw.append(theirs.step())
        if step == 2:  # rounding grows from step to step, differently on each processor
            assert torch.allclose(ours.network_fit.average, theirs._average, atol=1e-4)
    assert np.allclose(ours.history.curves().oracle_psnr_raw, raw, atol=0.02)
    assert (ours.network_fit.average - theirs._average).abs().mean() < 1e-3
    assert max(raw) - min(raw) > 1


def test_the_fast_recipe_gets_to_the_quality_of_the_published_one_in_fewer_steps():
    clean, noisy = picture(48)
    curves = {}
    for name, recipe in RECIPES.items():
        network = build_network(SMALL, in_channels=recipe.config.input_channels, width=16)
        config = replace(recipe.config, steps=160, precision="fp32")
        curves[name] = fit(network, SMALL, Measurement(noisy), config, clean=clean).curves.oracle_psnr_averaged
    level = curves["published"][-1] - 0.1
    first = {name: int(np.argmax(curve >= level)) + 1 for name, curve in curves.items()}
    assert 1 < first["fast"] < 0.85 * first["published"]


def test_the_fast_recipes_steps_are_cheaper():
    weights = {name: count_parameters(build_network(SMALL, width=recipe.width)) for name, recipe in RECIPES.items()}
    assert weights["fast"] < 0.25 * weights["published"]


def test_held_out_pixels_and_stopping_work_with_the_fast_recipe():
    clean, noisy = picture(32)
    config = replace(find_recipe("fast").config, steps=60, heldout=0.2, precision="fp32")
    network = build_network(SMALL, width=8)
    asked = iter(range(1, 100))
    result = fit(
        network, SMALL, Measurement(noisy, NoiseModel.white(25.0)), config, clean=clean,
        stop=lambda: "enough" if next(asked) == 35 else None,
    )  # fmt: skip
    assert (result.image_step, result.events[-1].message) == (35, "enough")
    assert result.heldout_psnr == pytest.approx(-10 * np.log10(result.curves.heldout[-1]))
    true_error = 10 ** (-result.curves.oracle_psnr_averaged / 10)
    assert np.corrcoef(result.curves.heldout, true_error)[0, 1] > 0.95


@pytest.mark.parametrize(("shape", "steps"), [((16, 16), 200), ((128, 128), 400), ((64, 256), 400), ((4096, 9), 600)])
def test_steps_grow_with_the_images_side(shape, steps):
    assert find_recipe("fast").settings(*shape, stop="fixed").steps == steps
    assert find_recipe("fast").settings(*shape).steps == 2 * steps  # where a rule says when it is enough
    assert find_recipe("fast").settings(4000, 6000).steps == 3200
    assert find_recipe("published").settings(*shape) == find_recipe("published").config


def test_given_steps_and_precision_are_taken():
    config = find_recipe("fast").settings(128, 128, steps=7, precision="fp32", stop="fixed")
    assert (config.steps, config.precision, config.stop) == (7, "fp32", "fixed")
    assert config.rate_factor_at(7) == 1  # however short the fit, its warm-up ends
    assert replace(config, steps=800, warm_up=50, precision="auto", stop="auto") == find_recipe("fast").settings(
        128, 128
    )


def test_the_published_width_is_the_networks_default():
    assert find_recipe("published").width == DEFAULT_WIDTH


def test_an_unknown_recipe_is_refused():
    with pytest.raises(NasdipError, match="published or fast"):
        find_recipe("slow")
