"""What trials know of a picture's noise: the same as the final fit, whatever the reward."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from blank_figures import leave_figures_blank
from safetensors.numpy import load, save
from skimage.data import camera
from skimage.util import img_as_float32
from small_searches import CPU, TINY, comparable, pictures, settings

from nasdip.classical.reference import allows_reference
from nasdip.cli import main
from nasdip.errors import NasdipError
from nasdip.files import read_json
from nasdip.fit.weighting import split_pixels
from nasdip.imaging.intensity import IntensityScaling
from nasdip.io.image_file import write_image
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.level import estimate_sigma
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.nas import runner
from nasdip.nas.final_fit import plan_best
from nasdip.nas.trial import run_trial
from nasdip.nas.trial_task import _digest, choose_reward, make_trial_task, read_task, task_of, write_task
from nasdip.options.search import ProxySettings
from nasdip.records.run_folder import RunFolder

CROP = (slice(24, 56), slice(24, 56))  # the middle of 80 px
PROXY = ProxySettings(crop=32, width=16, steps=5, heldout=0.2)
REWARDS = ("clean", "estimate", "heldout")


def peppered(sigma=20.0, share=0.06):
    """Return a clean picture (80, 80, 1), a noisy one, and where its salt and pepper is."""
    clean = img_as_float32(camera()[100:180, 150:230])[..., None]
    noisy = np.array(add_noise(clean, sigma=sigma, seed=0) if sigma else clean, np.float32)
    drawn = np.random.default_rng(0).random(clean.shape[:2])
    noisy[drawn < share / 2], noisy[drawn > 1 - share / 2] = 0, 1
    return clean, noisy, (drawn < share / 2) | (drawn > 1 - share / 2)


def correlated():
    noise = np.random.default_rng(0).normal(0, 0.25, (80, 80))
    blurred = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 2
    return (0.5 + blurred).astype(np.float32)[..., None]


def started(path, *, reward="auto", noisy=None, with_clean=True, trials=2):
    clean, impulsive, _ = peppered()
    folder, chosen = RunFolder(path), settings(reward=reward, proxy=PROXY, trials=trials)
    pixels = impulsive if noisy is None else noisy
    runner.start_run(folder, chosen, TINY, measurement_of(pixels), clean if with_clean else None, CPU)
    return folder


@pytest.mark.parametrize("reward", REWARDS)
def test_trials_and_the_final_fit_are_told_the_same_of_the_noise(tmp_path, reward):
    folder = started(tmp_path, reward=reward, trials=1)
    record, (noisy, clean) = folder.record(), folder.images()
    trial = task_of(record, noisy, clean)
    runner.run_trials(folder, CPU)
    final = plan_best(folder, CPU).plan.task.measurement
    assert trial.reward == reward
    assert (trial.measurement.kind, trial.measurement.sigma) == (final.kind, final.sigma) == ("impulse", record.sigma)
    assert np.array_equal(trial.measurement.valid, final.valid[CROP])
    assert np.array_equal(trial.measurement.pixels, noisy[CROP])
    assert np.array_equal(trial.clean, clean[CROP])
    assert record.sigma == pytest.approx(20, rel=0.1)
    assert estimate_sigma(noisy) > 30  # the impulses do not count for the level that trials are told


@pytest.mark.parametrize("reward", REWARDS)
def test_what_impulses_hold_does_not_change_a_reward(reward):
    clean, noisy, _ = peppered()
    measurement = measurement_of(noisy)
    task = make_trial_task(measurement, clean, settings(reward=reward, proxy=PROXY))
    valid = task.measurement.valid
    assert 10 < np.sum(~valid) < 200
    other = np.where(valid[..., None], task.measurement.pixels, 1 - task.measurement.pixels)  # salt for pepper
    swapped = task._replace(measurement=replace(task.measurement, pixels=other))
    held = split_pixels(task.measurement, PROXY.heldout, task.seed)
    assert held.sum() == round(PROXY.heldout * valid.sum())
    assert valid[held].all()
    architecture = TINY.sample(np.random.default_rng(0))
    one, two = (run_trial(1, architecture, each, CPU, {}) for each in (task, swapped))
    assert one.status == two.status == "ok"
    rewards = {"clean": one.clean_psnr, "estimate": one.estimated_psnr, "heldout": one.heldout_psnr}
    assert one.reward == two.reward == rewards[reward]
    bare = task._replace(measurement=Measurement(other, NoiseModel.white(20.0)))
    assert run_trial(1, architecture, bare, CPU, {}).reward != one.reward


def test_a_search_on_impulses_goes_on_as_if_never_stopped(tmp_path):
    whole = runner.run_trials(started(tmp_path / "whole", with_clean=False, trials=4), CPU)
    part = started(tmp_path / "part", with_clean=False, trials=2)
    runner.run_trials(part, CPU)
    runner.resume_run(part, trials=4)
    assert comparable(runner.run_trials(part, CPU)) == comparable(whole)
    assert (part.record().kind, part.record().settings.reward) == ("impulse", "estimate")


def test_noise_that_allows_no_reference_leaves_the_held_out_pixels(tmp_path):
    _, only_impulses, _ = peppered(sigma=0, share=0.1)
    still = np.full((80, 80, 1), 0.4, np.float32)
    for number, (noisy, cause) in enumerate(
        ((only_impulses, "impulses are all"), (correlated(), "correlated"), (still, "hardly any noise"))
    ):
        folder = started(tmp_path / f"auto-{number}", noisy=noisy, with_clean=False)
        assert folder.record().settings.reward == "heldout"
        with pytest.raises(NasdipError, match=f"reward estimate needs a reference.*{cause}.*use the reward heldout"):
            started(tmp_path / f"asked-{number}", reward="estimate", noisy=noisy, with_clean=False)
        assert not (tmp_path / f"asked-{number}").exists()
    trials = runner.run_trials(RunFolder(tmp_path / "auto-0"), CPU)
    assert all(trial.status == "ok" and trial.reward == trial.heldout_psnr for trial in trials)


def test_the_reward_of_a_picture_is_the_one_that_its_task_has():
    clean, noisy, _ = peppered()
    measurement = measurement_of(noisy)
    for asked, has_clean, given in (
        ("auto", True, "clean"), ("auto", False, "estimate"), ("estimate", True, "estimate"),
        ("heldout", True, "heldout"),
    ):  # fmt: skip
        chosen = choose_reward(settings(reward=asked, proxy=PROXY), measurement, has_clean=has_clean)
        task = make_trial_task(measurement, clean if has_clean else None, chosen)
        assert chosen.reward == task.reward == given
        # Fits are stopped by it, whatever the reward.
        assert (task.reference is not None) == allows_reference(measurement)


def test_a_run_of_an_earlier_version_fits_bare_pixels_as_it_did(tmp_path):
    """0.1.0 noted no kind; its trials were told the level that impulses had raised."""
    folder = started(tmp_path, reward="heldout")
    data = read_json(tmp_path / "run.json")
    del data["kind"]
    (tmp_path / "run.json").write_text(json.dumps({**data, "sigma": 33.5}))
    runner.resume_run(folder, trials=3)
    trials = runner.run_trials(folder, CPU)
    noisy, clean = folder.images()
    task = task_of(folder.record(), noisy, clean)
    bare = task._replace(measurement=Measurement(noisy[CROP], NoiseModel.white(33.5)))
    again = [run_trial(t.trial, t.architecture, bare, CPU, {}).reward for t in trials]
    assert [trial.reward for trial in trials] == again
    assert task.measurement.valid is None
    assert read_json(tmp_path / "run.json")["kind"] is None


def test_a_crop_has_its_own_range_unless_that_of_the_picture_is_laid_down():
    _, noisy = pictures()
    for scaling in (None, IntensityScaling(0.1, 0.25)):
        measurement = Measurement(noisy, NoiseModel.white(25.0), scaling=scaling)
        assert make_trial_task(measurement, None, settings(reward="heldout")).measurement.scaling == scaling


def test_a_task_comes_back_from_its_file(tmp_path):
    _, impulsive, _ = peppered()
    speckled = add_noise(np.tile(np.linspace(0.1, 0.9, 96), (96, 1))[..., None], "speckle", sigma=30, seed=0)
    for noisy, kind in ((impulsive, "impulse"), (speckled.astype(np.float32), "speckle")):
        measurement = replace(measurement_of(noisy), scaling=IntensityScaling(-0.1, 1.3))
        task = make_trial_task(measurement, None, settings(reward="estimate", proxy=ProxySettings(crop=64, width=16)))
        again = read_task(write_task(tmp_path, task))
        assert (again.reward, again.proxy, again.seed) == (task.reward, task.proxy, task.seed)
        ours, theirs = task.measurement, again.measurement
        assert theirs.kind == ours.kind == kind
        assert (theirs.noise, theirs.scaling) == (ours.noise, ours.scaling)
        assert theirs.noise.error > 0
        assert_same(theirs.impulses, ours.impulses, missing=kind == "speckle")
        assert_same(theirs.variance, ours.variance, missing=kind == "impulse")
        for one, other in zip((ours.pixels, *task.reference), (theirs.pixels, *again.reference), strict=True):
            assert_same(one, other)


def assert_same(one, other, missing=False):
    assert (one is None) == (other is None) == missing
    assert missing or (np.array_equal(one, other) and one.dtype == other.dtype)


def test_a_task_of_an_earlier_start_is_read(tmp_path):
    """Trials that run on while the search is started anew by another version."""
    _, noisy = pictures()
    task = make_trial_task(measurement_of(noisy), None, settings(reward="heldout"))
    tensors = load(write_task(tmp_path, task).read_bytes())
    meta = json.loads(tensors["meta"].tobytes())
    meta["sigma"] = meta.pop("measurement")["noise"]["sigma"]
    tensors["noisy"] = tensors.pop("measurement.pixels")
    tensors["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    path = tmp_path / "task.safetensors"
    path.write_bytes(save(tensors))
    with pytest.raises(NasdipError, match="not whole") as refused:
        read_task(path)
    assert str(path) in str(refused.value)
    again = read_task(path.rename(tmp_path / f"task-{_digest(path.read_bytes())}.safetensors"))
    assert (again.measurement.kind, again.measurement.scaling) == ("gaussian", None)
    assert again.measurement.sigma == task.measurement.sigma
    assert np.array_equal(again.measurement.pixels, task.measurement.pixels)


@pytest.fixture
def search(tmp_path, monkeypatch, capsys):
    """`nasdip search` on a picture: (exit code, standard error)."""
    monkeypatch.chdir(tmp_path)
    leave_figures_blank(monkeypatch.setattr)
    small = ["--space", "tiny", "--trials", "1", "--crop", "32", "--width", "16", "--steps", "2", "--final-steps", "0",
             "--warm-start", "0"]  # fmt: skip

    def run(noisy, *arguments):
        write_image(tmp_path / "photo.png", noisy)
        monkeypatch.setattr(sys, "argv", ["nasdip", "search", "photo.png", *small, *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, capsys.readouterr().err

    return run


def test_a_search_says_what_it_rewards(tmp_path, search):
    clean, noisy, _ = peppered()
    write_image(tmp_path / "clean.png", clean)
    code, told = search(noisy, "-o", "a", "--clean", "clean.png")
    assert code == 0, told
    assert "reward: PSNR against the clean image: what it picks is oracle" in told
    assert "reward: PSNR, estimated without a clean image" in search(noisy, "-o", "b")[1]
    told = search(correlated(), "-o", "c")[1]
    assert "reward: PSNR against the noisy image, on held-out pixels; the noise is correlated" in told
    _, only_impulses, _ = peppered(sigma=0, share=0.1)
    code, told = search(only_impulses, "-o", "d", "--reward", "estimate")
    assert code == 2
    assert "impulses are all the noise it holds): use the reward heldout" in told
