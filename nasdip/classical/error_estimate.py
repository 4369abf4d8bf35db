"""How far a restored image is from the unknown clean one."""

from typing import NamedTuple

import numpy as np
from scipy.fft import dctn
from skimage.filters import gaussian

from nasdip.classical.nonlocal_bayes import BayesEstimate, nonlocal_bayes
from nasdip.classical.reference import allows_reference, filled_pixels, noisy_gaps
from nasdip.errors import NasdipError
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.unclipping import true_intensities

_BLOCK = 8  # px, side of the blocks whose cosine transforms are compared
_BANDS = (1.2, 2.5, 4.0, 6.0)  # radial frequencies, in half cycles per block, between the bands
_ACTIVITIES = (0.02, 0.05, 0.12)  # of the model's error over the noise: between smooth blocks and busy ones
_GREY, _MEAN, _COLOUR = range(3)  # what a coefficient is of: the one channel, the mean of several, their differences
_PROBE = 0.2  # of the noise's standard deviation: the step that derivatives of the reference are taken with
MOST_PIXELS = 2**20  # that are measured; of larger images pieces of so many px stand for all
_PIECE = 128  # px, side of a piece
_STREAM = 20_131_665  # keeps random numbers apart from those of a simulation with the same seed
_SATURATED = 0.001  # share of values at an end of the range above which they are taken for clipped
_SMOOTHING = 1.0  # px, of the map
_SLOPE_SMOOTHING = 2.0  # px: beside a limit, an error that ends there is as likely as one that is doubled
_LEAST = 1e-4  # of the noise's power: no smaller error is believed

# experiments/benchmarks/expectation.py makes OFFSETS, REFINED and FITTED of scikit-image's pictures, and shows how good
# all is; it does not make the other constants, which were chosen by hand.
# log(true error / error of the bootstrap) = a + b log(activity), for each kind and band.
OFFSETS = np.array(
    [
        [[-0.03, -0.04], [-0.20, -0.19], [-0.03, -0.23], [0.43, -0.14], [0.99, 0.02]],
        [[-0.08, -0.06], [-0.10, -0.12], [-0.26, -0.22], [-0.29, -0.31], [-0.01, -0.30]],
        [[0.24, 0.03], [0.39, 0.08], [0.46, 0.03], [0.64, 0.04], [0.93, 0.13]],
    ]
)
# Standard deviations of the error's logarithm about that: common, along the bands, of each kind, of each cell.
_SPREAD = (0.20, 0.30, 0.20, 0.40)
_PROBE_ERROR = 0.02  # relative, of what one probe tells of the correlation of the reference and the noise
# dB from the reference's error to the image's: constant, per |x - f|^2 / error, per <x - f, y - f> / error; its spread.
REFINED = (0.01, 0.0, 0.97, 0.13)
FITTED = (0.12, 2.31, 0.78, 0.33)
_USUAL = 0.75  # squared distance from the reference, over its error, of images that came out well
_MAP = (1.0, 0.3, 2.0)  # weights of the model's variance, the bootstrap's error, the difference from the reference
_TEXTURE = 0.01  # relative, of a level that was estimated, beside its standard error: texture is taken for noise
_LAW_ERROR = 0.02  # relative, of the noise's variance in blocks of one activity, where it depends on the intensity
# dB, for what those pictures do not show: set so that 9 of 10 of them, with constants of the others, are inside.
_DOUBT = 0.75
_LEAST_DOUBT = 0.1  # dB, of what is known best
_WIDTH = 1.645  # standard deviations from the estimate to the ends of the interval


class ErrorEstimate(NamedTuple):
    """What is expected of a restored image.

    Attributes
    ----------
    psnr : float
        Estimated PSNR (dB) against the unknown clean image.
    low, high : float
        The interval that holds the true one in 90 % of cases.
    deviation : ndarray
        (H, W, C) float32, the expected root mean square error of each value, [0, 1] units.
    """

    psnr: float
    low: float
    high: float
    deviation: np.ndarray


class Cells(NamedTuple):
    """Statistics of groups of cosine coefficients, all powers in units of the noise's; arrays of equal length.

    Attributes
    ----------
    kind, band : ndarray
        Of the coefficients: 0 grey, 1 mean of channels, 2 their differences; band from 0, the lowest.
    activity : ndarray
        The model's error of the blocks.
    weight : ndarray
        Share of all noise that the cell holds; sums to 1.
    bootstrap : ndarray
        Error of the reference's own restoration, when it gets noise like that of the image.
    unbiased : ndarray
        Stein's unbiased estimate of the reference's error.
    divergence : ndarray
        The part of it that a probe measured: correlation of reference and noise.
    values : ndarray
        How many `unbiased` was taken from, 0 for none.
    """

    kind: np.ndarray
    band: np.ndarray
    activity: np.ndarray
    weight: np.ndarray
    bootstrap: np.ndarray
    unbiased: np.ndarray
    divergence: np.ndarray
    values: np.ndarray


class Measurements(NamedTuple):
    """What is measured before anything is concluded: the cells, and the bootstrap's squared error (H, W, C)."""

    cells: Cells
    bootstrap: np.ndarray


def estimate_error(
    measurement: Measurement,
    reference: BayesEstimate | None,
    seen: np.ndarray,
    *,
    refined: bool,
    workers: int = 1,
    seed: int = 0,
) -> ErrorEstimate | None:
    r"""Return what is expected of an image; None where the noise is not understood, so that there is no reference.

    Two estimates of the error of the reference f (`nasdip.classical.reference`) are joined by Bayes' rule. One comes
    before any look at residuals: f gets new noise like that of y, is restored again, and errs (a bootstrap), by less
    than f itself did, since it has no more of the details that were lost; by how much, is known from other pictures.
    The other is Stein's unbiased estimate, :math:`|y - f|^2 - |n|^2 + 2 \langle n, f \rangle`: the middle term is known
    from the noise's level, with its error, and the last from f's response to a small probe. Both are formed of 8x8
    cosine coefficients in groups of like frequency, activity and kind (means of channels or differences), so that
    the noise of those that no detail was lost in does not count. What the error of `seen` is beside that of f, is
    told by their difference and its correlation with the residual. Where noise was clipped, the errors of intensities
    follow from those of the means that are seen.

    Parameters
    ----------
    measurement : Measurement
        What was restored.
    reference : BayesEstimate or None
        Its estimate without a network.
    seen : ndarray
        (H, W, C), the mean of the fits, or what was made of it, before clipping is undone (`Combination.seen`).
    refined : bool
        Whether it was made of fits and reference, and clipping is undone in the image.
    workers : int
        Threads.
    seed : int
        Of bootstrap and probe.

    Raises
    ------
    NasdipError
        For images of another shape than that of the measurement.

    References
    ----------
    C. Stein, Estimation of the mean of a multivariate normal distribution, Annals of Statistics 9 (1981) 1135-1151.

    S. Ramani, T. Blu and M. Unser, Monte-Carlo SURE, IEEE Transactions on Image Processing 17 (2008) 1540-1554.
    """
    judge = ErrorJudge.of(measurement, reference, workers=workers, seed=seed)
    return None if judge is None else judge.estimate(seen, refined=refined)


class ErrorJudge:
    """What is known of a measurement and its reference, from which the error of any image follows in no time."""

    def __init__(self, measurement: Measurement, reference: BayesEstimate, *, workers: int, seed: int) -> None:
        self._measurement, self._reference = measurement, reference
        self._place = sample(measurement.pixels.shape)
        self._part, self._near = measurement, reference
        if self._place is not None:
            self._part, self._near = measurement.part(self._place), reference.part(self._place)
        self._measured = measure(self._part, self._near, workers=workers, seed=seed)
        self._found = reference_error(self._measured.cells, *level_error(self._part))

    @staticmethod
    def of(
        measurement: Measurement, reference: BayesEstimate | None, *, workers: int = 1, seed: int = 0
    ) -> "ErrorJudge | None":
        """Return that of a measurement; None where its noise is not understood. Cost: two non-local Bayes estimates."""
        if reference is None or not allows_reference(measurement):
            return None
        return ErrorJudge(measurement, reference, workers=workers, seed=seed)

    def estimate(self, seen: np.ndarray, *, refined: bool) -> ErrorEstimate:
        """Return what is expected of an image; see `estimate_error`."""
        if seen.shape != self._measurement.pixels.shape:
            shape = self._measurement.pixels.shape
            raise NasdipError(f"the image {seen.shape} must have the shape of the measurement, {shape}")
        constants, shown = REFINED if refined else FITTED, seen if self._place is None else seen[self._place]
        expected = conclude(self._part, self._near, self._measured, shown, self._found, constants, undone=refined)
        if self._place is None:
            return expected
        mse = float(np.mean(expected.deviation.astype(np.float64) ** 2))
        return expected._replace(deviation=deviation(self._measurement, self._reference, None, seen, mse))

    def of_input(self) -> ErrorEstimate:
        """Return what is expected of the measurement itself: its noise, whose level is known within its error."""
        variance = true_variance(self._measurement, self._reference)
        if self._measurement.valid is not None:
            variance = np.where(self._measurement.valid[..., None], variance, 0.0)
        psnr = -10 * float(np.log10(max(float(variance.mean()), float(np.finfo(np.float32).tiny))))
        doubt = 10 / np.log(10) * level_error(self._measurement)[0]
        width = _WIDTH * float(np.hypot(doubt, _LEAST_DOUBT))
        return ErrorEstimate(psnr, psnr - width, psnr + width, np.sqrt(variance).astype(np.float32))


def sample(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return rows and columns (as of `np.ix_`) of pieces, evenly spread over a large image, that stand for all of it.

    None for an image that is measured as a whole.
    """
    share = (MOST_PIXELS / (shape[0] * shape[1])) ** 0.5
    if share >= 1:
        return None
    return np.ix_(*(_bands(length, share) for length in shape[:2]))  # type: ignore[return-value]


def _bands(length: int, share: float) -> np.ndarray:
    count = max(1, round(length * share / _PIECE))
    starts = np.unique(np.linspace(0, max(0, length - _PIECE), count).astype(int) // _BLOCK * _BLOCK)
    return np.unique(np.concatenate([np.arange(start, min(length, start + _PIECE)) for start in starts]))


def conclude(
    measurement: Measurement,
    reference: BayesEstimate,
    measured: Measurements,
    image: np.ndarray,
    found: tuple[float, float],
    constants: tuple[float, ...],
    *,
    undone: bool,
) -> ErrorEstimate:
    """Return what is expected of `image`, where the `reference_error` was `found`.

    `undone` says whether clipping is undone in the picture that is made of it.
    """
    error, spread = found
    decibels, doubt = image_over_reference(measurement, reference, image, error, constants)
    mse = float(np.mean(true_variance(measurement, reference))) * error * 10 ** (decibels / 10)
    squares = of_intensities(
        measurement, image, deviation(measurement, reference, measured.bootstrap, image, mse), undone=undone
    )
    psnr = -10 * float(np.log10(max(squares.mean(), np.finfo(np.float32).tiny)))
    width = _WIDTH * float(np.linalg.norm((spread, constants[-1], _DOUBT, doubt)))
    return ErrorEstimate(psnr, psnr - width, psnr + width, np.sqrt(squares, dtype=np.float32))


def of_intensities(measurement: Measurement, seen: np.ndarray, error: np.ndarray, *, undone: bool) -> np.ndarray:
    """Return the squared errors of intensities, where those of the means that clipped noise shows are `error`.

    Where clipping is not undone, they err by what it does.
    """
    image, slope = true_intensities(measurement, seen)
    if not undone:
        return np.asarray(error.astype(np.float64) ** 2 + (image - seen) ** 2)
    smooth = gaussian(slope**2, sigma=_SLOPE_SMOOTHING, channel_axis=-1, mode="reflect")
    return np.asarray(error.astype(np.float64) ** 2 * smooth)


def true_variance(measurement: Measurement, reference: BayesEstimate) -> np.ndarray:
    """Return the variance of the noise, (H, W, C), at the intensities of the reference where it depends on them.

    That of the measurement is of smoothed pixels: too high beside whatever is bright, and not quite of the level.
    """
    variance = filled_pixels(measurement)[1]
    if measurement.variance is None or measurement.sigma is None:
        return variance
    seen = reference.image.astype(np.float64)
    law = np.polynomial.Polynomial.fit(seen.ravel(), measurement.variance.ravel(), 2)
    sharp = np.clip(law(seen), measurement.variance.min(), measurement.variance.max())
    sharp *= (measurement.sigma / 255) ** 2 / sharp.mean()
    return noisy_gaps(measurement, np.asarray(sharp))


def level_error(measurement: Measurement) -> tuple[float, float]:
    """Return relative standard errors of the noise's variance: of its mean, and of blocks beside others."""
    level, noise = 0.0, measurement.noise
    if noise is not None and noise.sigma and noise.error:
        level = 2 * float(np.hypot(noise.error / noise.sigma, _TEXTURE))
    return level, 0.0 if measurement.variance is None else _LAW_ERROR


def measure(measurement: Measurement, reference: BayesEstimate, *, workers: int = 1, seed: int = 0) -> Measurements:
    """Restore the reference with new noise, and the image with a small probe; see `estimate_error`."""
    pixels, variance = filled_pixels(measurement)
    sharp = true_variance(measurement, reference)
    clean, scale = reference.image.astype(np.float64), np.sqrt(sharp)
    rng = np.random.default_rng([seed, _STREAM])  # never the noise of somebody's simulation
    noise, probe = scale * rng.standard_normal(clean.shape), scale * rng.choice([-1.0, 1.0], clean.shape)
    again = nonlocal_bayes(clean + noise, variance, workers=workers).image - clean
    grid = Grid(sharp, reference.variance, usable_values(measurement))
    response = np.zeros_like(clean)
    if grid.usable.any():
        noisier = variance * (1 + _PROBE**2)  # it has to know that there is more, or lets the probe pass
        response = (nonlocal_bayes(pixels + _PROBE * probe, noisier, workers=workers).image - clean) / _PROBE
    divergence, residual = grid.usable_power(probe, response), pixels - clean
    unbiased = grid.usable_power(residual, residual) - 1 + 2 * divergence
    cells = Cells(
        grid.kind, grid.band, grid.activity, grid.weight, grid.power(again, again), unbiased, divergence, grid.values
    )
    return Measurements(cells, again**2)


def model_error(variance: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the error over the noise that the model of the patches stands for: it says too much where there is none.

    Medians over pixels of like variance; `_LEAST` or more.
    """
    told = variance / noise
    return np.asarray(np.maximum(np.maximum(1.06 * (told - 0.025), 0.2 * told), _LEAST))


def usable_values(measurement: Measurement) -> np.ndarray:
    """Return where, (H, W, C), the noise is as its variance says: pixels are known and not clipped."""
    pixels = measurement.pixels
    known = np.ones(pixels.shape[:2], bool) if measurement.valid is None else measurement.valid
    usable = np.broadcast_to(known[..., None], pixels.shape).copy()
    for end in (pixels[known].min(), pixels[known].max()) if known.any() else ():
        if measurement.kind == "poisson" and end <= 0:
            continue  # no photons: that is the noise as it is
        if np.mean(pixels == end) > _SATURATED:
            usable &= pixels != end
    return usable


def coefficients(image: np.ndarray) -> np.ndarray:
    """Return the orthonormal cosine transforms of blocks, (n, C * 64); a margin that fills no block is left out."""
    height, width = (length // _BLOCK for length in image.shape[:2])
    parts = image[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK, -1)
    blocks = dctn(parts, axes=(1, 3, 4), norm="ortho").transpose(0, 2, 4, 1, 3)
    return np.asarray(blocks.reshape(height * width, -1))


class Grid:
    """Cells of cosine coefficients, and mean powers in them in units of the noise's.

    Parameters
    ----------
    noise, variance : ndarray
        (H, W, C), variances of the noise, and of the reference's error by its model.
    usable : ndarray
        (H, W, C), bool. Blocks with any value that is not are left out of `usable_power`.
    """

    def __init__(self, noise: np.ndarray, variance: np.ndarray, usable: np.ndarray) -> None:
        channels = noise.shape[2]
        self.usable = coefficients(~usable * 1.0).any(axis=1) == 0
        self._noise = _block_means(noise)
        activity = np.log(_block_means(model_error(variance, noise)))
        frequency = np.hypot(*np.meshgrid(np.arange(_BLOCK), np.arange(_BLOCK))).ravel()
        band = np.tile(np.digitize(frequency, _BANDS), channels)
        kind = np.repeat([_GREY] if channels == 1 else [_MEAN] + [_COLOUR] * (channels - 1), _BLOCK**2)
        bands = len(_BANDS) + 1
        label = (np.digitize(np.exp(activity), _ACTIVITIES)[:, None] * 3 + kind) * bands + band  # (n, C * 64)
        _, self._label = np.unique(label, return_inverse=True)
        self._label = self._label.reshape(label.shape)
        self.kind, self.band, log = (
            self._mean(np.broadcast_to(value, label.shape)) for value in (kind, band, activity[:, None])
        )
        self.activity = np.exp(log)
        weight = np.bincount(self._label.ravel(), np.broadcast_to(self._noise[:, None], label.shape).ravel())
        self.weight = weight / weight.sum()
        self.values = np.bincount(self._label[self.usable].ravel(), minlength=len(weight))

    def power(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return the mean product of two images (H, W, C) in each cell."""
        return self._mean(coefficients(one) * coefficients(other) / self._noise[:, None])

    def usable_power(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return `power` in usable blocks; 0 for a cell that has none."""
        products = coefficients(one) * coefficients(other) / self._noise[:, None]
        sums = np.bincount(self._label[self.usable].ravel(), products[self.usable].ravel(), len(self.values))
        return np.asarray(sums / np.maximum(self.values, 1))

    def _mean(self, values: np.ndarray) -> np.ndarray:
        label = self._label.ravel()
        return np.asarray(np.bincount(label, values.ravel()) / np.bincount(label))


def _block_means(image: np.ndarray) -> np.ndarray:
    return coefficients(image)[:, 0] / np.sqrt(_BLOCK**2 * image.shape[2])


def reference_error(cells: Cells, level: float, law: float, offsets: np.ndarray = OFFSETS) -> tuple[float, float]:
    """Return the reference's mean squared error over the noise's, and its standard deviation in dB.

    The errors' logarithms z have a normal prior. The unbiased estimates are exp(z) with errors of chance, and those of
    the noise's variance: `level`, relative, which all share, and `law`, which is of blocks beside others. Laplace's
    approximation.
    """
    kind, band = cells.kind.astype(int), cells.band.astype(int)
    offset, slope = offsets[kind, band].T
    prior = np.log(np.maximum(cells.bootstrap, _LEAST)) + offset + slope * np.log(cells.activity)
    common, along, like, single = _SPREAD
    bands = (cells.band - len(_BANDS) / 2) / 2
    same = kind[:, None] == kind
    covariance = common**2 + along**2 * np.outer(bands, bands) + like**2 * same + single**2 * np.eye(len(kind))
    precision = np.linalg.inv(covariance)
    information = _information(cells, level, law)
    z = prior
    for _ in range(50):
        error = np.exp(z)
        slope_of = precision @ (prior - z) + error * (information @ (cells.unbiased - error))
        hessian = precision + error[:, None] * information * error
        step = np.clip(np.linalg.solve(hessian, slope_of), -0.5, 0.5)
        z = z + step
        if np.abs(step).max() < 1e-6:
            break
    shares = cells.weight * np.exp(z)
    total = float(shares.sum())
    gradient = shares / total
    spread = float(np.sqrt(gradient @ np.linalg.solve(hessian, gradient)))
    return max(total, _LEAST), 10 / np.log(10) * spread


def _information(cells: Cells, level: float, law: float) -> np.ndarray:
    """Return the inverse of the covariance of the unbiased estimates; zeros where there are none."""
    known = cells.values > 0
    share = np.clip(cells.divergence, 0, 1)
    # With y = c + n and f = c + b + g n, g the divergence: (1 - 2g) n^2 - 2 n b, where the lost b^2 is about g.
    chance = (2 * (1 - 2 * share) ** 2 + 4 * share) / np.maximum(cells.values, 1) + (2 * _PROBE_ERROR * share) ** 2
    place = np.digitize(cells.activity, _ACTIVITIES)
    among = (place[:, None] == np.unique(place)) * 1.0  # (cells, activities)
    apart = law * (among - cells.weight @ among)  # the mean is known
    covariance = np.diag(chance + law**2) + level**2 + apart @ apart.T
    inverse = np.zeros_like(covariance)
    inverse[np.ix_(known, known)] = np.linalg.inv(covariance[np.ix_(known, known)])
    return inverse


def image_over_reference(
    measurement: Measurement, reference: BayesEstimate, image: np.ndarray, error: float, constants: tuple[float, ...]
) -> tuple[float, float]:
    r"""Return by how many dB the mean squared error of `image` exceeds the reference's, `error` over the noise's.

    The constants are of images that came out well. Of others, with d the squared distance from the reference over the
    reference's error, the error is at most :math:`(1 + \sqrt d)^2` of that, and about 1 + d of it where the way from
    the reference does not lead to the clean image: no less is told where d is larger than it usually is. Where that
    decides, the second number, a standard deviation in dB, is not 0.
    """
    pixels = filled_pixels(measurement)[0]
    unit = error * float(np.mean(true_variance(measurement, reference)))
    change = image.astype(np.float64) - reference.image
    difference, correlation = np.mean(change**2) / unit, np.mean(change * (pixels - reference.image)) / unit
    told = constants[0] + constants[1] * float(difference) + constants[2] * float(correlation)
    least = 10 * np.log10(1 + difference - _USUAL) if difference > _USUAL else -np.inf
    bounded = float(np.clip(told, least, 20 * np.log10(1 + np.sqrt(float(difference)))))
    return bounded, abs(bounded - told) / 2 if told < least else 0.0


def deviation(
    measurement: Measurement, reference: BayesEstimate, bootstrap: np.ndarray | None, image: np.ndarray, mse: float
) -> np.ndarray:
    """Return the expected root mean square error of every value, so that the mean of its square is `mse`.

    `bootstrap` is that of `Measurements`, None where it was not made of the whole image.
    """
    noise = true_variance(measurement, reference)
    again = np.zeros(1) if bootstrap is None else bootstrap
    terms = (noise * model_error(reference.variance, noise), again, (image - reference.image) ** 2)
    total = sum(weight * term for weight, term in zip(_MAP, terms, strict=True))
    smooth = np.asarray(gaussian(total, sigma=_SMOOTHING, channel_axis=-1, mode="reflect"))
    return np.asarray(np.sqrt(smooth * (mse / smooth.mean())), np.float32)
