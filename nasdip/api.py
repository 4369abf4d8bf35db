"""The Python functions: arrays in, arrays out, after scikit-image's conventions."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.fit.device import find_device
from nasdip.measurement.measure import measurement_of
from nasdip.nas.request import settings_of
from nasdip.nas.runner import fit_best, resume_run, run_trials, start_run
from nasdip.nas.time_limit import TimeLimit
from nasdip.options.restore import RestoreOptions
from nasdip.options.search_request import SearchOptions
from nasdip.options.signature import make, takes
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace


@takes(RestoreOptions)
def restore(image: np.ndarray, *, channel_axis: int | None = None, **options: Any) -> np.ndarray:
    """Restore one noisy image by fitting an untrained network to it (Deep Image Prior).

    Parameters
    ----------
    image : ndarray
        (H, W), or with channels along `channel_axis`; at least 16x16 px. Integers are scaled to [0, 1] by their
        type's range; floats are taken as they are.
    channel_axis : int or None
        Axis of the channels; None for a grey image.
    {options}

    Returns
    -------
    ndarray
        Float32, of the image's shape and (after scaling integers) range.

    Raises
    ------
    NasdipError
        (A ValueError) for bad input, in one line.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, CVPR 2018.

    Examples
    --------
    >>> import nasdip, skimage
    >>> clean = skimage.util.img_as_float32(skimage.data.astronaut()[96:128, 208:240])
    >>> noisy = nasdip.add_noise(clean, sigma=25, seed=0)
    >>> restored = nasdip.restore(noisy, channel_axis=-1, steps=5, width=8)
    >>> restored.shape
    (32, 32, 3)
    """
    request: RestoreOptions = make(RestoreOptions, options)
    measurement = measurement_of(_channels_last(image, channel_axis), request.sigma)
    return _as_given(run_restoration(plan(measurement, request)).image, channel_axis)


@takes(RestoreOptions)
def inpaint(image: np.ndarray, mask: np.ndarray, *, channel_axis: int | None = None, **options: Any) -> np.ndarray:
    """Fill the missing pixels of an image by fitting an untrained network to the others (Deep Image Prior).

    Where the others hold hardly any noise they come back as they are; else they are denoised as well.

    Parameters
    ----------
    image : ndarray
        As for `restore`; what missing pixels hold, NaN included, does not matter.
    mask : ndarray
        (H, W) bool, or numbers of which those other than 0 count as True: the pixels that are missing, as scikit-image
        has it.
    channel_axis : int or None
        Axis of the channels; None for a grey image.
    {options}

    Returns
    -------
    ndarray
        Float32, of the image's shape and (after scaling integers) range.

    Raises
    ------
    NasdipError
        (A ValueError) for bad input, in one line.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, CVPR 2018.

    Examples
    --------
    >>> import nasdip, skimage
    >>> image = skimage.util.img_as_float32(skimage.data.astronaut()[96:128, 208:240])
    >>> missing = np.random.default_rng(0).random((32, 32)) < 0.5
    >>> filled = nasdip.inpaint(image, missing, channel_axis=-1, steps=5, width=8)
    >>> filled.shape, bool((filled[~missing] == image[~missing]).all())
    ((32, 32, 3), True)
    """
    request: RestoreOptions = make(RestoreOptions, options)
    missing = np.asarray(mask)
    pixels = _channels_last(image, channel_axis)
    if missing.shape != pixels.shape[:2]:
        raise NasdipError(
            f"the mask has the shape {missing.shape}, the image {pixels.shape[:2]}: give one for each pixel"
        )
    known = missing == 0
    if known.all() or not known.any():
        which = "no pixel" if known.all() else "all pixels"
        raise NasdipError(f"the mask calls {which} missing: it is True where a pixel is to be filled")
    measurement = measurement_of(pixels, request.sigma, known)
    return _as_given(run_restoration(plan(measurement, request)).image, channel_axis)


class SearchResult(NamedTuple):
    """What a search found."""

    architecture: Architecture  # the best
    reward: float  # its reward, dB
    image: np.ndarray | None  # the restored image, of the input's shape; None without a final fit
    trials: list[TrialResult]


@takes(SearchOptions)
def search(
    image: np.ndarray,
    *,
    channel_axis: int | None = None,
    clean: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    space: str | Path | Mapping[str, Any] | SearchSpace = "nas_dip",
    device: str = "auto",
    run: str | Path | None = None,
    resume: bool = False,
    **options: Any,
) -> SearchResult:
    """Search an architecture for one noisy image, then fit the best to it.

    Parameters
    ----------
    image, channel_axis, device
        As for `restore`.
    clean : ndarray, optional
        Makes the reward the PSNR against it; without it, an estimate of that.
    mask : ndarray, optional
        (H, W), the pixels that are missing, as for `inpaint`.
    space : str, Path, mapping or SearchSpace
        A JSON file, its content, or the name of a space that nasdip ships: nas_dip, nas_dip_extended, tiny.
    run : str or Path, optional
        Folder that keeps everything (for `nasdip report`); none is kept by default.
    resume : bool
        Go on with the search in `run`, with its own image and settings; `trials` may be more.
    {options}

    Returns
    -------
    SearchResult

    Raises
    ------
    NasdipError
        (A ValueError) for bad input, in one line.

    Examples
    --------
    >>> import nasdip, skimage
    >>> noisy = nasdip.add_noise(skimage.util.img_as_float32(skimage.data.camera()[:32, :32]), sigma=25)
    >>> quick = {"crop": 16, "width": 16, "steps": 5, "final_steps": 5, "final_width": 16, "warm_start": 0}
    >>> found = nasdip.search(noisy, space="tiny", trials=2, **quick)
    >>> found.image.shape, len(found.trials)
    ((32, 32), 2)
    """
    where, request = find_device(device), make(SearchOptions, options)
    if resume and run is None:
        raise NasdipError("nothing to resume: give the folder of the search as run")
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary if run is None else run))
        if not resume:
            pixels = _channels_last(image, channel_axis)
            known = None if mask is None else np.asarray(mask) == 0
            clean_pixels = None if clean is None else _channels_last(clean, channel_axis)
            measurement = measurement_of(pixels, known=known)
            settings = settings_of(request, measurement.operator.task)
            start_run(folder, settings, _as_space(space), measurement, clean_pixels, where)
        folder.record()  # there must be a run
        with folder.locked():
            if resume:
                resume_run(folder, trials=request.trials)
            limit = TimeLimit.of(folder)
            results = run_trials(folder, where, limit=limit)
            restoration = fit_best(folder, where, limit=limit)
        best = folder.best()
        if best is None:
            raise NasdipError(f"none of the {len(results)} trials succeeded, the last with: {results[-1].error}")
    restored = None if restoration is None else _as_given(restoration.image, channel_axis)
    return SearchResult(best.architecture, best.reward, restored, results)


def _as_space(space: str | Path | Mapping[str, Any] | SearchSpace) -> SearchSpace:
    if isinstance(space, SearchSpace):
        return space
    return SearchSpace.from_json(space) if isinstance(space, Mapping) else SearchSpace.load(space)


def _channels_last(image: np.ndarray, channel_axis: int | None) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype.name not in ("bool", "uint8", "uint16") and not np.issubdtype(image.dtype, np.floating):
        raise NasdipError(f"images of {image.dtype} have no known range: give bool, uint8, uint16 or floats in [0, 1]")
    expected = 2 if channel_axis is None else 3
    if image.ndim != expected:
        hint = "give channel_axis" if channel_axis is None else "give one image, with one channel axis"
        raise NasdipError(f"an image of shape {image.shape} has {image.ndim} axes, not {expected}: {hint}")
    if channel_axis is not None and not -3 <= channel_axis < 3:
        raise NasdipError(f"channel_axis {channel_axis} is not an axis of an image of shape {image.shape}: use -1")
    pixels = img_as_float32(image)
    return pixels[..., None] if channel_axis is None else np.moveaxis(pixels, channel_axis, -1)


def _as_given(pixels: np.ndarray, channel_axis: int | None) -> np.ndarray:
    return pixels[..., 0] if channel_axis is None else np.moveaxis(pixels, -1, channel_axis)
