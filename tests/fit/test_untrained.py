import numpy as np
import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.fit.loop import FitLoop
from nasdip.fit.untrained import untrained_output
from nasdip.imaging.spectral_match import bandwidth
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.network.build import build_network
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture

NETWORK = Architecture.from_text("bilinear+conv3+leaky-relu:10.01")


@pytest.mark.parametrize("shape", [(32, 32, 3), (21, 30, 1)])
def test_it_is_the_output_that_a_fit_begins_with(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).random(shape).astype(np.float32)
    config = FitConfig(steps=1, input_noise=0.0)
    network = build_network(NETWORK, out_channels=shape[2], width=8, seed=3)
    loop = FitLoop(network, NETWORK, Measurement(pixels, NoiseModel.white(25.0)), config, 3, None, torch.device("cpu"))
    loop.step(1)
    first = loop.scaling.apply(loop._array(loop.network_fit.last))
    output = untrained_output(NETWORK, shape, width=8, seed=3)
    assert output.shape == shape
    np.testing.assert_allclose(output, first, atol=2e-5)


def test_the_seed_decides() -> None:
    first, same, other = (untrained_output(NETWORK, (32, 32, 3), width=8, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_pixel_shuffles_begin_rougher_than_interpolation() -> None:
    rough, smooth = (
        np.mean(
            [
                bandwidth(untrained_output(Architecture.from_text(text), (64, 64, 3), width=16, seed=seed))
                for seed in range(4)
            ]
        )
        for text in ("pixel-shuffle+conv1:1000.0100.0010.0001", "bilinear:0000.0000.0000.0000")
    )
    assert rough > 1.3 * smooth


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(NasdipError, match="channels"):
        untrained_output(Architecture.from_text("pixel-shuffle+conv1:1"), (32, 32, 3), width=7)
