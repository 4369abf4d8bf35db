import shutil

import numpy as np
import pytest
import torch

from nasdip.baselines import denoiser
from nasdip.baselines.denoiser import Denoiser, load_denoiser
from nasdip.baselines.model_folder import ModelFolder
from nasdip.baselines.registry import find_baseline
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr


class Identity:
    """In place of a network: returns its input, and remembers the shapes."""

    def __init__(self):
        self.shapes = []

    def predict(self, batch):
        self.shapes.append(tuple(batch.shape))
        return batch.clone()


@pytest.mark.parametrize("shape", [(16, 16, 3), (32, 32, 3), (33, 90, 1), (130, 47, 3)])
def test_crops_are_put_together_without_seams(shape, monkeypatch):
    monkeypatch.setattr(denoiser, "_AT_ONCE", 7)
    network, image = Identity(), np.random.default_rng(0).random(shape).astype(np.float32)
    result = Denoiser(network, 32, torch.device("cpu"))(image)
    assert result.shape == shape
    assert np.allclose(result, image, atol=1e-6)
    assert {shape[1:] for shape in network.shapes} == {(3, 32, 32)}


def test_results_are_in_range_and_progress_is_told():
    class Beyond:
        def predict(self, batch):
            return 3 * batch - 1

    told, image = [], np.random.default_rng(0).random((40, 40, 3)).astype(np.float32)
    result = Denoiser(Beyond(), 32, torch.device("cpu"))(image, lambda done, total: told.append((done, total)))
    assert np.allclose(result, np.clip(3 * image - 1, 0, 1), atol=1e-5)
    assert told == [(4, 4)]


def test_an_image_of_the_crops_size_is_what_the_network_makes_of_it(model, noisy_image):
    network = find_baseline("noise2noise-half").build(0, 0.1, torch.device("cpu"))
    network.load_weights(ModelFolder(model).weights())
    crop = noisy_image[:32, :32]
    direct = network.predict(torch.from_numpy(crop.transpose(2, 0, 1)[None].copy()))[0].numpy().transpose(1, 2, 0)
    assert np.allclose(load_denoiser(model)(crop), direct, atol=1e-6)


def test_a_trained_model_denoises_images_of_other_sizes(model, noisy_image):
    clean = noisy_image - np.random.default_rng(0).normal(0, 24 / 255, noisy_image.shape).astype(np.float32)
    denoised = load_denoiser(model)(noisy_image)
    assert denoised.dtype == np.float32
    assert psnr(clean, denoised, data_range=1.0) > psnr(clean, noisy_image, data_range=1.0) + 0.5


def test_grey_images_are_denoised_too(model, noisy_image):
    grey = noisy_image[:, :, :1]
    assert load_denoiser(model)(grey).shape == grey.shape


def test_other_channels_are_refused(model):
    with pytest.raises(NasdipError, match="1 or 3 channels, not 2"):
        load_denoiser(model)(np.zeros((32, 32, 2), np.float32))


def test_a_folder_without_a_model_is_told(tmp_path, model):
    with pytest.raises(NasdipError, match="holds no model"):
        load_denoiser(tmp_path)
    (tmp_path / "model.json").write_text('{"settings": {"layers": 3}}')
    with pytest.raises(NasdipError, match="not of nasdip train"):
        load_denoiser(tmp_path)
    (tmp_path / "model.json").write_text('{"settings": {"baseline": "dcnn", "learning_rate": 0.1, "size": 32}}')
    shutil.copy(model / "model.safetensors", tmp_path)
    with pytest.raises(NasdipError, match="of another network"):
        load_denoiser(tmp_path)
