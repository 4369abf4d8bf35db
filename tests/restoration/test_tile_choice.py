import math

import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.fit import cost
from nasdip.imaging.tiles import Tiling
from nasdip.options.fit import FitConfig
from nasdip.restoration import tile_choice
from nasdip.restoration.tile_choice import choose_tiles
from nasdip.space.architecture import Architecture

SMALL = Architecture.from_text("dip+bilinear:4.4")
CPU = torch.device("cpu")
PER_PIXEL = 100_000  # bytes that the made-up network keeps for every pixel


@pytest.fixture
def choose(monkeypatch):
    """Choose tiles on a machine with so many bytes free."""
    monkeypatch.setattr(cost, "_measure_step", lambda _, z: (1e-6 * z[0, 0].numel(), PER_PIXEL * z[0, 0].numel()))

    def choice(shape, free, tile="auto"):
        monkeypatch.setattr(tile_choice, "available_memory", lambda _: free)
        return choose_tiles(SMALL, shape, FitConfig(), width=8, device=CPU, tile=tile)

    return choice


def needed(side):
    """Bytes that a fit to side x side px of the made-up network needs, about."""
    return 1.5 * PER_PIXEL * side**2 + 2**27


def test_what_fits_is_fitted_as_a_whole(choose):
    assert choose((900, 900, 3), 2 * needed(900)).tiling is None
    assert choose((3000, 200, 3), None).tiling is None  # where the system does not tell


def test_what_does_not_fit_is_fitted_in_tiles_that_do(choose):
    for side in (130, 200, 300, 544):
        found = choose((3000, 2000, 3), 1.5 * needed(side))
        assert found.estimate.memory < 1.5 * needed(side)
        assert side * 0.7 < max(found.tiling.side) <= 544
        assert found.fits == math.prod(found.tiling.count)


def test_more_memory_means_less_work(choose):
    work = []
    for side in (150, 220, 300, 600):
        found = choose((2048, 2048, 3), 1.5 * needed(side))
        work.append(found.fits * found.estimate.seconds_per_step)
    assert work == sorted(work, reverse=True)
    assert str(found.tiling) == "16 tiles of 536x536 px, overlap 32"
    assert work[-1] < 1.1 * 1.1 * 1e-6 * 2048**2  # of a whole image


def test_a_person_chooses_the_size_whatever_is_free(choose):
    found = choose((100, 70, 3), 100 * needed(100), tile=48)
    assert found.tiling == Tiling((100, 70), (3, 2), (44, 44))
    assert choose((100, 70, 3), 100 * needed(100), tile=100).tiling is None


def test_off_means_the_whole_image_or_nothing(choose):
    assert choose((300, 300, 3), needed(320), tile="off").tiling is None
    with pytest.raises(
        NasdipError, match=r"300x300 px needs about .* are free on cpu: use a smaller width or tiles \(tile auto\)$"
    ):
        choose((300, 300, 3), needed(200), tile="off")


def test_where_nothing_fits_it_says_so(choose):
    with pytest.raises(NasdipError, match=r"fitting 300x300 px needs .* use a smaller width or a smaller picture$"):
        choose((300, 300, 3), needed(64))
    with pytest.raises(NasdipError, match=r"fitting 4 tiles of .* use a smaller width or smaller tiles$"):
        choose((300, 300, 3), needed(64), tile=200)


def test_the_images_count_beside_the_tile_where_they_lie_in_the_same_memory(choose):
    small, large = (choose(shape, 1e12, tile=128).estimate for shape in ((256, 256, 3), (2048, 2048, 3)))
    assert large.memory - small.memory > 4 * 3 * (2048**2 - 256**2) * 4


def test_tiles_too_small_are_refused(choose):
    with pytest.raises(NasdipError, match="use 32 or more"):
        choose((100, 100, 3), 1e12, tile=31)
