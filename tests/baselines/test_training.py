import math
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nasdip.baselines import training
from nasdip.baselines.history import best_of
from nasdip.baselines.model_folder import ModelFolder, find_models
from nasdip.baselines.registry import BASELINES, find_baseline
from nasdip.baselines.training import TrainingSettings, noisy_psnr, train
from nasdip.errors import NasdipError

CPU = torch.device("cpu")


def trained(name, pairs, path, epochs=2, **changes):
    baseline = find_baseline(name)
    settings = TrainingSettings(**{"epochs": epochs, "batch": 4, "learning_rate": 0.002, "seed": 0, **changes})
    folder = ModelFolder(path)
    folder.open({"baseline": name, "learning_rate": settings.learning_rate, "size": pairs.size}, {})
    return train(baseline, pairs, settings, folder, CPU), folder


@pytest.mark.parametrize("name", BASELINES)
def test_a_stopped_training_goes_on_as_if_it_had_not_been(name, few_pairs, tmp_path):
    whole, at_once = trained(name, few_pairs, tmp_path / "whole", epochs=2)
    trained(name, few_pairs, tmp_path / "parts", epochs=1)
    parts, in_parts = trained(name, few_pairs, tmp_path / "parts", epochs=2)
    assert [epoch._replace(seconds=0) for epoch in in_parts.history()] == [
        epoch._replace(seconds=0) for epoch in at_once.history()
    ]
    first, second = (load_file(folder.path / "last.safetensors") for folder in (at_once, in_parts))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert [epoch.epoch for epoch in parts] == [epoch.epoch for epoch in whole] == [1, 2]


@pytest.mark.parametrize("name", BASELINES)
def test_training_lowers_the_loss(name, few_pairs, tmp_path):
    epochs, _ = trained(name, few_pairs, tmp_path, epochs=4, learning_rate=find_baseline(name).learning_rate)
    assert epochs[-1].loss < epochs[0].loss


def test_the_half_network_learns_to_denoise(small_pairs, model):
    """Towards noisy targets alone it comes nearer to the clean images than the noisy ones are."""
    epochs = ModelFolder(model).history()
    noisy = noisy_psnr(find_baseline("noise2noise-half"), small_pairs.validation, 0)
    assert best_of(epochs).validation_psnr > noisy + 0.5


def test_the_model_is_that_of_the_best_epoch_by_the_targets(few_pairs, tmp_path, monkeypatch):
    kept = {}
    write = ModelFolder.write_epoch

    def remember(folder, network, epochs):
        kept[len(epochs)] = {name: value.clone() for name, value in network.weights().items()}
        # Let the second of three epochs be the best, whatever came out, and the clean images say otherwise.
        losses = {1: 3.0, 2: 1.0, 3: 2.0}
        epochs[-1] = epochs[-1]._replace(validation_loss=losses[len(epochs)], validation_psnr=float(len(epochs)))
        write(folder, network, epochs)

    monkeypatch.setattr(ModelFolder, "write_epoch", remember)
    _, folder = trained("noise2noise-half", few_pairs, tmp_path, epochs=3)
    weights = folder.weights()
    assert all(torch.equal(weights[name], kept[2][name]) for name in weights)
    assert folder.record()["best"]["epoch"] == 2


def test_validation_is_of_all_images(few_pairs, tmp_path, monkeypatch):
    """The PSNR that is told is that of the model's output, computed another way."""
    monkeypatch.setattr(training, "_VALIDATED", 4)
    epochs, folder = trained("noise2noise-half", few_pairs, tmp_path, epochs=1)
    network = find_baseline("noise2noise-half").build(0, 0.1, CPU)
    network.load_weights(folder.weights())
    source = torch.from_numpy(few_pairs.validation.source / np.float32(255)).permute(0, 3, 1, 2)
    output = network.predict(source.contiguous()).permute(0, 2, 3, 1).numpy().astype(float)
    mse = np.mean((output - few_pairs.validation.clean / 255) ** 2)
    assert epochs[0].validation_mse == pytest.approx(mse, rel=1e-4)
    assert epochs[0].validation_psnr == pytest.approx(-10 * math.log10(mse), abs=1e-3)


def test_another_seed_trains_another_network(few_pairs, tmp_path):
    first, _ = trained("noise2noise-half", few_pairs, tmp_path / "a", epochs=1)
    second, _ = trained("noise2noise-half", few_pairs, tmp_path / "b", epochs=1, seed=1)
    assert first[0].loss != second[0].loss


def test_a_kill_between_the_files_of_an_epoch_loses_that_epoch_alone(few_pairs, tmp_path):
    """history.csv is ahead of last.safetensors: what the latter does not vouch for is done again."""
    _, folder = trained("noise2noise-half", few_pairs, tmp_path, epochs=1)
    row = (tmp_path / "history.csv").read_text().splitlines()[1]
    with (tmp_path / "history.csv").open("a") as file:
        file.write(row.replace("1,", "2,", 1) + "\n")
    assert [epoch.epoch for epoch in folder.history()] == [1]
    epochs, _ = trained("noise2noise-half", few_pairs, tmp_path, epochs=2)
    assert len(folder.history()) == len(epochs) == 2


def test_a_loss_that_is_no_number_ends_with_a_line(few_pairs, tmp_path):
    with pytest.raises(NasdipError, match="use a smaller --learning-rate"):
        trained("dcnn", few_pairs, tmp_path, epochs=3, learning_rate=1e6)


def test_weights_that_the_last_step_spoilt_are_no_model(few_pairs, tmp_path):
    """The loss of a step is that before it: with one step in an epoch, only validation sees what it did."""
    with pytest.raises(NasdipError, match=r"in epoch 1: use a smaller --learning-rate$"):
        trained("dcnn", few_pairs, tmp_path, epochs=1, learning_rate=1e30, batch=8)
    assert not (tmp_path / "model.safetensors").exists()
    epochs, _ = trained("dcnn", few_pairs, tmp_path, epochs=1, batch=8)  # there is nothing to go on from
    assert len(epochs) == 1
    assert ModelFolder(tmp_path).record()["settings"]["learning_rate"] == 0.002


def test_a_model_that_cannot_go_on_is_not_overwritten(few_pairs, model, tmp_path):
    for name in ("model.json", "model.safetensors"):  # as a person hands a model on
        shutil.copy(model / name, tmp_path)
    kept = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(NasdipError, match="without what to go on from: choose another folder"):
        trained("noise2noise-half", few_pairs, tmp_path, learning_rate=0.005)
    with pytest.raises(NasdipError, match=r"learning_rate 0.005, not 0.5: choose another folder"):
        trained("noise2noise-half", few_pairs, tmp_path, learning_rate=0.5)
    assert (tmp_path / "model.safetensors").read_bytes() == kept


def test_killed_while_the_first_epoch_is_written_it_begins_anew(few_pairs, tmp_path):
    first, _ = trained("noise2noise-half", few_pairs, tmp_path, epochs=1)
    (tmp_path / "last.safetensors").unlink()  # which is written last
    again, _ = trained("noise2noise-half", few_pairs, tmp_path, epochs=1)
    assert again[0].loss == first[0].loss


@pytest.mark.parametrize("change", [lambda text: "", lambda text: text.replace("loss", "l"), lambda text: text[:-20]])
def test_a_damaged_history_is_told(few_pairs, tmp_path, change):
    trained("noise2noise-half", few_pairs, tmp_path, epochs=1)
    (tmp_path / "history.csv").write_text(change((tmp_path / "history.csv").read_text()))
    with pytest.raises(NasdipError, match="does not hold the 1 epochs that are done"):
        ModelFolder(tmp_path).history()


def test_noise_that_is_added_is_another_in_every_epoch_and_one_in_validation(small_pairs):
    dcnn, settings = find_baseline("dcnn"), TrainingSettings(2, 48, 0.1, 0)
    sums = [
        sorted(next(training._batches(dcnn, small_pairs.training, settings, epoch)).source.sum((1, 2, 3)))
        for epoch in (1, 1, 2)
    ]
    assert sums[0] == sums[1] != sums[2]
    assert noisy_psnr(dcnn, small_pairs.validation, 0) == noisy_psnr(dcnn, small_pairs.validation, 0)


def test_a_folder_of_another_training_is_refused(few_pairs, tmp_path):
    trained("noise2noise-half", few_pairs, tmp_path, epochs=1)
    with pytest.raises(NasdipError, match=r"learning_rate 0.002, not 0.5: choose another folder with -o"):
        ModelFolder(tmp_path).check({"baseline": "noise2noise-half", "learning_rate": 0.5})


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"epochs": 0}, "1 and 2 at least"), ({"batch": 1}, "1 and 2 at least"), ({"learning_rate": 0.0}, "above 0")],
)
def test_wrong_settings_are_told(changes, words):
    with pytest.raises(NasdipError, match=words):
        TrainingSettings(**{"epochs": 1, "batch": 2, "learning_rate": 0.1, "seed": 0, **changes})


def test_models_are_found_by_the_names_of_their_folders(few_pairs, tmp_path):
    trained("noise2noise-half", few_pairs, tmp_path / "models/mine", epochs=1)
    (tmp_path / "models/empty").mkdir()
    assert find_models(tmp_path / "models") == {"mine": tmp_path / "models/mine"}
    assert find_models(tmp_path / "nowhere") == {}
