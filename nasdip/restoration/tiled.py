"""The fits of tiles, put together to the result of a repetition."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nasdip.imaging.metrics import decibels, psnr
from nasdip.imaging.tiles import Tile, Tiling
from nasdip.records.results import BandCurve, Curves, FitEvent, FitResult, TileFit

_IMAGES = ("averaged", "last", "oracle")
_NOTHING = np.zeros((0, 0, 0), np.float32)


class TiledResult:
    """Takes the fits of tiles, row by row, and makes one result of them; keeps one copy of each image only.

    What the result holds:

    - images: those of the tiles, blended by `Tiling.windows`, and the PSNR of these images.
    - oracle: made of each tile's own best step, picked with the clean image. That is more freedom than one step for all
      tiles would be, which nobody knows before the last tile has been fitted. So `oracle_step` is None, and
      `psnr_oracle` measures the blended image.
    - curves: squared errors averaged over tiles, each with its share of the image; a PSNR is that of the averaged
      error. They are the errors of tiles before they are blended, which makes them smaller where tiles overlap. A tile
      that ended early stays at what it had at its `image_step`, which is what its image shows.
    - bands: averaged in the same way; events: those of all tiles, each with the tile's name; image_step: the latest of
      the tiles'; seconds: their sum; held-out errors: averaged, and `estimated_psnr` None where noise hides a tile's.
    - hit_step_limit: whether that of any tile is; scores: averaged; choices: none, as rules chose for each tile.
    - tiles: what is of each tile alone.

    Parameters
    ----------
    tiling : Tiling
        The tiles.
    clean : ndarray, optional
        (H, W, C), measures the blended images.
    """

    def __init__(self, tiling: Tiling, clean: np.ndarray | None = None) -> None:
        self._tiling, self._clean = tiling, clean
        self._windows = tiling.windows()
        self._blended: dict[str, np.ndarray] = {}
        self._fits: list[FitResult] = []

    def add(self, fitted: FitResult) -> None:
        """Add the fit of the next tile."""
        tile = self._tiling.tiles[len(self._fits)]
        window = next(self._windows).astype(np.float32)[..., None]
        for name in _IMAGES:
            image = getattr(fitted, name)
            if image is None:
                continue
            if name not in self._blended:
                self._blended[name] = np.zeros((*self._tiling.shape, image.shape[2]), np.float32)
            self._blended[name][tile.place] += window * image
        no_oracle = None if fitted.oracle is None else _NOTHING
        self._fits.append(replace(fitted, averaged=_NOTHING, last=_NOTHING, oracle=no_oracle))

    def result(self, seed: int) -> FitResult:
        """Return the repetition's result; `seed` is the one that those of the tiles come from."""
        fits, shares = self._fits, self._tiling.shares()
        oracle = self._blended["oracle"] if all(fit.oracle is not None for fit in fits) else None
        return FitResult(
            averaged=self._blended["averaged"],
            last=self._blended["last"],
            oracle=oracle,
            oracle_step=None,
            curves=mean_curves(fits, shares),
            bands=mean_bands(fits, shares),
            events=named_events(fits, self._tiling.tiles),
            image_step=max(fit.image_step for fit in fits),
            seed=seed,
            seconds=sum(fit.seconds for fit in fits),
            psnr_averaged=self._psnr(self._blended["averaged"]),
            psnr_last=self._psnr(self._blended["last"]),
            heldout_psnr=_mean_psnr([fit.heldout_psnr for fit in fits], shares),
            estimated_psnr=_mean_psnr([fit.estimated_psnr for fit in fits], shares),
            psnr_oracle=None if oracle is None else self._psnr(oracle),
            hit_step_limit=any(fit.hit_step_limit for fit in fits),
            tiles=tuple(_facts(tile, fit) for tile, fit in zip(self._tiling.tiles, fits, strict=True)),
        )

    def _psnr(self, image: np.ndarray) -> float | None:
        return None if self._clean is None else psnr(self._clean, image, data_range=1.0)


def mean_curves(fits: Sequence[FitResult], shares: Sequence[float]) -> Curves:
    """Return the curves of an image from those of its tiles, which have these shares of it."""
    steps = max(len(fit.curves.step) for fit in fits)
    same: Callable[[np.ndarray], np.ndarray] = np.asarray

    def mean(name: str, error: Callable[[np.ndarray], np.ndarray] = same) -> np.ndarray | None:
        curves = [getattr(fit.curves, name) for fit in fits]
        if any(curve is None for curve in curves):
            return None
        held = [curve[np.minimum(np.arange(steps), f.image_step - 1)] for curve, f in zip(curves, fits, strict=True)]
        return _mean([error(curve) for curve in held], shares)

    loss = mean("loss")
    assert loss is not None
    errors = mean("oracle_psnr_raw", _mse), mean("oracle_psnr_averaged", _mse)
    raw, averaged = (None if curve is None else decibels(curve) for curve in errors)
    return Curves(np.arange(1, steps + 1), loss, mean("heldout"), raw, averaged, mean("score"))


def mean_bands(fits: Sequence[FitResult], shares: Sequence[float]) -> BandCurve:
    """Return the band correspondence of an image from those of its tiles, each at its latest step so far.

    Steps before which a tile has none are left out.
    """
    first = max(fit.bands.step[0] if len(fit.bands.step) else np.iinfo(int).max for fit in fits)
    steps = np.unique(np.concatenate([fit.bands.step for fit in fits]))
    steps = steps[steps >= first].astype(int)
    held = [fit.bands.correspondence[np.searchsorted(fit.bands.step, steps, side="right") - 1] for fit in fits]
    return BandCurve(steps, _mean(held, shares))


def named_events(fits: Sequence[FitResult], tiles: Sequence[Tile]) -> tuple[FitEvent, ...]:
    """Return the events of all tiles by step, each with the name of its tile."""
    events = [
        FitEvent(event.step, f"{tile_name(number, tiles)}: {event.message}")
        for number, fit in enumerate(fits)
        for event in fit.events
    ]
    return tuple(sorted(events, key=lambda event: event.step))


def tile_name(number: int, tiles: Sequence[Tile]) -> str:
    """Return what a tile (from 0) is called."""
    return f"tile {number + 1} of {len(tiles)} ({tiles[number]})"


def _facts(tile: Tile, fit: FitResult) -> TileFit:
    loss, steps = float(fit.curves.loss[fit.image_step - 1]), len(fit.curves.step)
    return TileFit(*tile, fit.seed, fit.seconds, steps, fit.image_step, loss, fit.psnr_averaged, fit.oracle_step)


def _mean(values: Sequence[np.ndarray], shares: Sequence[float]) -> np.ndarray:
    return np.tensordot(np.asarray(shares), np.stack(values), axes=1)


def _mean_psnr(values: Sequence[float | None], shares: Sequence[float]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return float(decibels(_mean([_mse(np.array([value])) for value in known], shares)).item())


def _mse(psnrs: np.ndarray) -> np.ndarray:
    return 10 ** (-np.asarray(psnrs, float) / 10)
