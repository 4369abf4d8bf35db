import numpy as np
import pytest
from skimage.data import astronaut, chelsea, coffee
from skimage.transform import downscale_local_mean
from skimage.util import img_as_float32

from nasdip.baselines import pairs as module
from nasdip.baselines.pairs import NOISY_PSNR, PairSet, make_pairs, read_pairs, write_pairs
from nasdip.errors import NasdipError
from nasdip.imaging.metrics import psnr


@pytest.fixture(scope="module")
def images():
    return {"astronaut": img_as_float32(astronaut()), "chelsea": img_as_float32(chelsea())}


@pytest.fixture(scope="module")
def validation():
    return {"coffee": img_as_float32(coffee())}


@pytest.fixture(scope="module")
def pairs(images, validation):
    """Noise is added in parts, of fewer crops than there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NOISY_AT_ONCE", 128)
        return make_pairs(images, validation, count=600, validation_count=300, seed=3)


def test_both_sets_have_the_noise_of_the_report(pairs):
    for chosen in (pairs.training, pairs.validation):
        for noisy in (chosen.source, chosen.target):
            assert psnr(chosen.clean, noisy, data_range=255) == pytest.approx(NOISY_PSNR, abs=0.03)


def test_the_two_noises_of_a_pair_are_independent(pairs):
    clean = pairs.training.clean.astype(float)
    first, second = pairs.training.source - clean, pairs.training.target - clean
    inner = (clean > 100) & (clean < 150)  # nothing is clipped there
    assert abs(np.corrcoef(first[inner], second[inner])[0, 1]) < 0.01
    assert first[inner].std() == pytest.approx(pairs.facts["sigma"][0], rel=0.02)


def test_clean_crops_are_of_the_images_at_each_size(images, validation):
    made = make_pairs(images, validation, count=12, validation_count=1, factors=(4,), seed=1)
    inner = [image[: image.shape[0] // 4 * 4, : image.shape[1] // 4 * 4] for image in images.values()]
    reduced = [np.rint(255 * downscale_local_mean(image, (4, 4, 1))).astype(np.uint8) for image in inner]
    windows = [np.lib.stride_tricks.sliding_window_view(image, (32, 32, 3))[:, :, 0] for image in reduced]
    found = [[bool((window == crop).all(axis=(2, 3, 4)).any()) for window in windows] for crop in made.training.clean]
    assert all(any(row) for row in found)
    assert all(any(column) for column in zip(*found, strict=True))


def test_borders_of_images_of_odd_sizes_are_not_darkened():
    """Averaged with what is beyond the image, the last rows and columns would be."""
    even = np.full((131, 133, 3), 0.5, np.float32)
    made = make_pairs({"one": even}, {"other": even.copy()}, count=100, validation_count=5, factors=(2, 3, 4))
    assert np.unique(made.training.clean).tolist() == [128]


def test_an_image_is_in_the_memory_only_while_it_is_cut():
    class Counting(dict):
        looked_up = 0

        def __getitem__(self, name):
            Counting.looked_up += 1
            return super().__getitem__(name)

        def items(self):
            return ((name, self[name]) for name in self)

    cut = []
    images = Counting({name: np.full((40, 40, 3), 0.5, np.float32) for name in ("a", "b", "c")})
    other = {"other": np.full((40, 40, 3), 0.5, np.float32)}
    make_pairs(images, other, count=4, validation_count=2, factors=(1,), notify=lambda: cut.append(1))
    assert (Counting.looked_up, len(cut)) == (6, 4)


def test_factors_that_leave_too_little_of_an_image_are_left_out_for_it(images):
    small = {"small": np.zeros((40, 70, 3), np.float32) + 0.25}
    made = make_pairs({**small, **images}, {"other": small["small"]}, count=50, validation_count=5, factors=(1, 4))
    assert made.training.clean.shape == (50, 32, 32, 3)


def test_the_same_seed_gives_the_same_pairs_and_another_others(images, validation, pairs):
    again, other = (make_pairs(images, validation, count=600, validation_count=300, seed=seed) for seed in (3, 4))
    assert again.digest() == pairs.digest() != other.digest()  # in one part or in several


def test_a_file_holds_what_was_written(pairs, tmp_path):
    write_pairs(tmp_path / "pairs.npz", pairs)
    read = read_pairs(tmp_path / "pairs.npz")
    assert read.digest() == pairs.digest()
    assert read.facts == pairs.facts
    assert read.size == 32


def broken(images, validation, **change):
    return lambda: make_pairs(images, validation, **{"count": 4, "validation_count": 2, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 48}, "32 or 64"),
        ({"count": 1}, "two pairs at least to train with"),
        ({"validation_count": 0}, "one to validate with"),
        ({"factors": ()}, "whole numbers from 1"),
        ({"factors": (20,)}, "too few for crops"),
        ({"noisy_psnr": 0}, "between 0 and 60"),
        ({"noisy_psnr": 1.0}, "as low as 1.0 dB"),
    ],
)
def test_wrong_settings_are_told(images, validation, change, words):
    with pytest.raises(NasdipError, match=words):
        broken(images, validation, **change)()


def test_no_image_is_trained_and_validated_with(images):
    with pytest.raises(NasdipError, match="astronaut would be trained and validated with"):
        make_pairs(images, {"astronaut": images["astronaut"]})


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_holds_no_pairs_is_told(tmp_path, content):
    (tmp_path / "pairs.npz").write_bytes(content)
    with pytest.raises(NasdipError, match="is no file of pairs"):
        read_pairs(tmp_path / "pairs.npz")


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "pairs.npz", training_source=np.array([{}], dtype=object))
    with pytest.raises(NasdipError, match="is no file of pairs"):
        read_pairs(tmp_path / "pairs.npz")


def changed(pairs, change):
    return type(pairs)(*(change(array) for array in pairs))


@pytest.mark.parametrize(
    "change",
    [
        lambda pairs: pairs._replace(source=pairs.source / 255),
        lambda pairs: pairs._replace(source=pairs.source[1:]),
        lambda pairs: changed(pairs, lambda array: array[:1]),
        lambda pairs: changed(pairs, lambda array: array[:, :16, :16]),
        lambda pairs: changed(pairs, lambda array: array[:, :, :16]),
        lambda pairs: changed(pairs, lambda array: array[..., :1]),
        lambda pairs: changed(pairs, lambda array: array.repeat(2, axis=1).repeat(2, axis=2)),  # unlike validation
    ],
)
def test_other_arrays_are_no_pairs(tmp_path, pairs, change):
    write_pairs(tmp_path / "pairs.npz", PairSet(change(pairs.training), pairs.validation, pairs.facts))
    with pytest.raises(NasdipError, match="8-bit crops"):
        read_pairs(tmp_path / "pairs.npz")


def test_pairs_of_unknown_origin_are_refused(tmp_path, pairs):
    write_pairs(tmp_path / "pairs.npz", pairs)
    with np.load(tmp_path / "pairs.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "pairs.npz", **{**arrays, "facts": np.array("[]")})
    with pytest.raises(NasdipError, match="does not say how"):
        read_pairs(tmp_path / "pairs.npz")
