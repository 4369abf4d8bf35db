"""Where tiles meet, the restored image is no worse than elsewhere."""

import numpy as np
import pytest
from small_fits import SMALL, measured

from nasdip.imaging.tiles import cover
from nasdip.measurement.add_noise import add_noise
from nasdip.options.fit import FitConfig
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.restoration.fit_task import make_fit_task
from nasdip.restoration.repetition import fit_repetition

SIDE, SEEDS = 64, 2
TILING = cover((SIDE, SIDE), 40, overlap=16)


def waves():
    """An image that is alike everywhere, so that errors can be compared."""
    y, x = np.mgrid[:SIDE, :SIDE] / 16
    image = 0.5 + 0.2 * np.sin(2 * np.pi * (x + 0.3 * y)) + 0.2 * np.sin(2 * np.pi * (y - 0.4 * x))
    return image[..., None].astype(np.float32)


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """Errors of the blended image and of tiles laid over each other with hard edges, (SEEDS, H, W) each."""
    clean = waves()
    blended, laid = [], []
    for seed in range(SEEDS):
        noisy = add_noise(clean, sigma=25, seed=seed).astype(np.float32)
        folder = RestorationFolder(tmp_path_factory.mktemp("seams"))
        task = make_fit_task(measured(noisy), SMALL, FitConfig(steps=60), width=8, seed=seed)
        blended.append(fit_repetition(task, TILING, 1, folder).averaged - clean)
        mosaic = np.zeros_like(clean)
        for number, tile in enumerate(TILING.tiles, start=1):
            mosaic[tile.place] = folder.read_tile(1, number).averaged
        laid.append(mosaic - clean)
    return np.array(blended)[..., 0], np.array(laid)[..., 0]


def edges(axis):
    """Where a tile begins inside the image: the first pixel of it."""
    return sorted({tile[axis] for tile in TILING.tiles} - {0})


def jump(error):
    """RMS difference of the errors of neighbours across tile edges, as a ratio to that elsewhere."""
    ratios = []
    for axis in (0, 1):
        steps = np.sqrt((np.diff(error, axis=axis + 1) ** 2).mean(axis=(0, 2 - axis)))
        at = np.isin(np.arange(1, SIDE), edges(axis))
        ratios.append(steps[at].mean() / steps[~at].mean())
    return np.mean(ratios)


def excess(error):
    """Mean squared error within 3 px of any tile edge, as a ratio to that elsewhere; without the image's own border."""
    near = np.zeros((SIDE, SIDE), bool)
    for axis in (0, 1):
        lines = [*edges(axis), *(SIDE - edge for edge in edges(axis))]  # where tiles begin, and where they end
        close = np.abs(np.arange(SIDE)[:, None] + 0.5 - lines).min(axis=1) < 3
        near |= close[:, None] if axis == 0 else close[None, :]
    inner = np.zeros_like(near)
    inner[6:-6, 6:-6] = True
    squares = (error**2).mean(axis=0)
    return squares[near & inner].mean() / squares[~near & inner].mean()


def test_no_seam_shows_where_tiles_are_blended(errors):
    blended, laid = errors
    assert jump(blended) < 1.3
    assert jump(laid) > 2  # what the blending takes away


def test_errors_near_tile_edges_are_no_larger_than_elsewhere(errors):
    blended, laid = errors
    assert excess(blended) < 1.15
    assert excess(laid) > 1.2 * excess(blended)
