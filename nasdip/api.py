"""The Python functions: arrays in, arrays out, after scikit-image's conventions."""

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from nasdip.errors import NasdipError
from nasdip.fit.device import find_device
from nasdip.inspection import Inspection, inspect_measurement
from nasdip.io.array_image import ArrayImage, load_array
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.nas.request import settings_of
from nasdip.nas.runner import fit_best, resume_run, run_trials, start_run
from nasdip.nas.time_limit import TimeLimit
from nasdip.options.restore import RestoreOptions
from nasdip.options.search_request import SearchOptions
from nasdip.options.signature import make, takes
from nasdip.records.results import Restoration
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.report.text.cautions import cautions, judge
from nasdip.report.text.noise import noise_words, unit_words, untouched_words
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace


class FullOutput(NamedTuple):
    """All that a restoration tells.

    Attributes
    ----------
    image : ndarray
        The restored image, like the one that was given.
    noise : NoiseModel
        Kind, law and level of the noise, in 8-bit units.
    words : str
        What was found of it, for a person.
    expected : tuple of float or None
        The estimated PSNR in dB, and the ends of its 90 % interval; None where nothing can be promised.
    deviation : ndarray or None
        (H, W, C), the expected error of each value, root mean square, in units of [0, 1].
    kept : {"result", "estimate", "input"}
        Which image that is: what was made of the fits, the estimate without a network, or the picture as it came.
    cautions : tuple of str
        What speaks against it, the worst first; an untouched picture's says why it is.
    restoration : Restoration or None
        Fits, curves and settings; None where nothing was fitted.
    """

    image: np.ndarray
    noise: NoiseModel
    words: str
    expected: tuple[float, float, float] | None
    deviation: np.ndarray | None
    kept: str
    cautions: tuple[str, ...]
    restoration: Restoration | None


@overload
def restore(
    image: np.ndarray, *, channel_axis: int | None = None, full_output: Literal[False] = False, **options: Any
) -> np.ndarray: ...
@overload
def restore(
    image: np.ndarray, *, channel_axis: int | None = None, full_output: Literal[True], **options: Any
) -> FullOutput: ...
@takes(RestoreOptions)
def restore(
    image: np.ndarray, *, channel_axis: int | None = None, full_output: bool = False, **options: Any
) -> np.ndarray | FullOutput:
    """Restore one noisy image by fitting an untrained network to it (Deep Image Prior).

    Parameters
    ----------
    image : ndarray
        (H, W), or with channels along `channel_axis`; at least 16x16 px. Integers are scaled to [0, 1] by their
        type's range; floats are taken as they are. NaN, masked pixels (of a masked array) and areas of another scale,
        as -9999 among heights, count as missing data, and come back as they were.
    channel_axis : int or None
        Axis of the channels; None for a grey image.
    full_output : bool
        Return noise, expected error and cautions too.
    {options}

    Returns
    -------
    ndarray or FullOutput
        Float32, of the image's shape and (after scaling integers) range; float64 where the values are so large beside
        their differences that float32 cannot hold these.

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
    >>> told = nasdip.restore(noisy, channel_axis=-1, steps=5, width=8, full_output=True)
    >>> told.image.shape, told.noise.kind
    ((32, 32, 3), 'gaussian')
    """
    request: RestoreOptions = make(RestoreOptions, options)
    given = load_array(image, channel_axis)
    return _restored(given, measurement_of(given.pixels, request.sigma, invalid=given.invalid), request, full_output)


def _restored(
    given: ArrayImage, measurement: Measurement, request: RestoreOptions, full_output: bool
) -> np.ndarray | FullOutput:
    noise = measurement.noise
    assert noise is not None  # `measurement_of` finds it
    _warn_of_unit(noise)
    untouched = untouched_words(measurement)
    if untouched is not None:
        image = given.like(measurement.pixels)
        told = FullOutput(image, noise, noise_words(noise), None, None, "input", (untouched,), None)
        return told if full_output else image
    made = run_restoration(plan(measurement, request))
    image = given.like(made.image)
    if not full_output:
        return image
    expected = None if made.expected is None else (made.expected.psnr, made.expected.low, made.expected.high)
    deviation = None if made.expected is None else made.expected.deviation
    warned = tuple(f"{caution.title}: {caution.text}" for caution in cautions(made, *judge(made)))
    return FullOutput(image, noise, noise_words(noise), expected, deviation, made.kept, warned, made)


def _warn_of_unit(noise: NoiseModel) -> None:
    """Warn where a noise level was given as a share of the range, in place of 8-bit units."""
    words = unit_words(noise)
    if words is not None:
        warnings.warn(words, stacklevel=4)


@takes(RestoreOptions)
def inspect(
    image: np.ndarray, *, channel_axis: int | None = None, mask: np.ndarray | None = None, **options: Any
) -> Inspection:
    """Tell what noise an image holds, and what `restore` (with a mask, `inpaint`) would do; nothing is fitted.

    Parameters
    ----------
    image, channel_axis
        As for `restore`.
    mask : ndarray, optional
        (H, W), the pixels that are missing, as for `inpaint`.
    {options}

    Returns
    -------
    Inspection

    Raises
    ------
    NasdipError
        (A ValueError) for bad input, in one line.

    Examples
    --------
    >>> import nasdip, skimage
    >>> noisy = nasdip.add_noise(skimage.util.img_as_float32(skimage.data.camera()[:64, :64]), sigma=25, seed=0)
    >>> found = nasdip.inspect(noisy)
    >>> found.noise.kind, abs(found.noise.sigma - 25) < 2, found.fit.stop
    ('gaussian', True, 'reference')
    """
    request: RestoreOptions = make(RestoreOptions, options)
    holes = None if mask is None else _holes(mask)
    given = load_array(image, channel_axis, holes)
    measurement = measurement_of(given.pixels, request.sigma, None if holes is None else ~holes, given.invalid)
    if measurement.noise is not None:
        _warn_of_unit(measurement.noise)
    return inspect_measurement(measurement, given.invalid, request)


@overload
def inpaint(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    channel_axis: int | None = None,
    full_output: Literal[False] = False,
    **options: Any,
) -> np.ndarray: ...
@overload
def inpaint(
    image: np.ndarray, mask: np.ndarray, *, channel_axis: int | None = None, full_output: Literal[True], **options: Any
) -> FullOutput: ...
@takes(RestoreOptions)
def inpaint(
    image: np.ndarray, mask: np.ndarray, *, channel_axis: int | None = None, full_output: bool = False, **options: Any
) -> np.ndarray | FullOutput:
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
    full_output : bool
        Return noise, expected error and cautions too.
    {options}

    Returns
    -------
    ndarray or FullOutput
        Float32, of the image's shape and (after scaling integers) range; float64 where the values are so large beside
        their differences that float32 cannot hold these.

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
    holes = _holes(mask)
    given = load_array(image, channel_axis, holes)
    return _restored(given, measurement_of(given.pixels, request.sigma, ~holes, given.invalid), request, full_output)


def _holes(mask: np.ndarray) -> np.ndarray:
    """Return which pixels, (H, W) bool, a mask calls missing; NasdipError for all or none."""
    holes = np.asarray(mask) != 0
    if not holes.any() or holes.all():
        which = "all pixels" if holes.all() else "no pixel"
        raise NasdipError(f"the mask calls {which} missing: it is True where a pixel is to be filled")
    return holes


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
    holes = None if mask is None else np.asarray(mask) != 0
    given = load_array(image, channel_axis, holes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary if run is None else run))
        if not resume:
            known = None if holes is None else ~holes
            if given.invalid is not None:
                known = ~given.invalid if known is None else known & ~given.invalid
            clean_pixels = None if clean is None else given.pixels_of(clean)
            measurement = measurement_of(given.pixels, known=known)
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
    restored = None if restoration is None else given.like(restoration.image)
    return SearchResult(best.architecture, best.reward, restored, results)


def _as_space(space: str | Path | Mapping[str, Any] | SearchSpace) -> SearchSpace:
    if isinstance(space, SearchSpace):
        return space
    return SearchSpace.from_json(space) if isinstance(space, Mapping) else SearchSpace.load(space)
