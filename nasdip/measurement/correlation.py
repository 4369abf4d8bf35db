"""Whether the noise of neighbouring pixels is correlated, as after blur, resampling or demosaicking."""

from typing import NamedTuple

import numpy as np

from nasdip.measurement.flat_patches import SIDE, Patches, cosine_basis, select, spectrum
from nasdip.measurement.level import NoiseLevel

_FLAT = 0.2
_EXCESS = 1.35  # low over high frequencies in the flattest tenth of the patches: white noise has 0.7 to 1.2
_UNIFORM = 1.6  # flattest 30 % over flattest 5 %: noise has 1.2 to 1.5, texture differs more from place to place
_STRONG, _UNIFORM_STRONG = 2.5, 1.9  # strong correlation leaves few independent values, which differ more
_LEAST_LEVEL = 8.0  # 8-bit units; below it, the texture of flat areas looks the same
_LEAST = 0.35  # of weaker correlation, textured pictures with white noise show as much
_LAGS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))


class Correlation(NamedTuple):
    """What flat patches tell of the noise's correlation.

    Attributes
    ----------
    largest : float
        The autocorrelation of largest magnitude at lags (0, 1), (1, 0), (1, 1), (0, 2) and (2, 0) px, in [-1, 1]; what
        texture is left in the flattest patches counts too, and their choice lowers it by up to 0.1.
    sigma : float
        Noise level over all frequencies, in 8-bit units, with the error of about a quarter that texture makes.
    significant : bool
        Whether the noise is clearly correlated: much at low frequencies, and as much in every flat patch.
    """

    largest: float
    sigma: float
    significant: bool


def noise_correlation(patches: Patches, level: NoiseLevel) -> Correlation:
    """Measure the correlation of noise in flat patches; `level` is that of the highest frequencies.

    A picture that is textured all over cannot be told from correlated noise by this, and noise that a lossy file
    correlates in its colours alone is not seen: `significant` then is False.

    Examples
    --------
    >>> from nasdip.measurement.level import estimate_level
    >>> from nasdip.measurement.flat_patches import take_patches
    >>> white = np.random.default_rng(0).normal(0.5, 0.1, (97, 97, 3))
    >>> mixed = (white + np.roll(white, 1, axis=0)) / 2
    >>> for noise in (white, mixed):
    ...     found = noise_correlation(take_patches(noise), estimate_level(noise))
    ...     print(found.significant, bool(found.largest > 0.3))
    False False
    True True
    """
    energy = (patches.coarse**2).mean(axis=(1, 2))
    lowest, tenth, third = np.quantile(energy, (0.05, 0.1, 0.3))
    flat = select(patches, energy <= np.quantile(energy, _FLAT))
    lags = _autocovariance(spectrum(flat))
    bias = 1 - 1.4 * np.sqrt(2 / patches.coarse[0].size)  # chosen for little energy: mean of the lowest fifth
    total = 255 * float(np.sqrt(max(lags[0], 0) / bias))
    excess = tenth * 255**2 / max(level.sigma, 1e-3) ** 2
    uniform = third < (_UNIFORM if excess < _STRONG else _UNIFORM_STRONG) * lowest
    largest = max(lags[1:], key=abs) / lags[0] if lags[0] > 0 else 0.0
    significant = excess > _EXCESS and uniform and total >= _LEAST_LEVEL and abs(largest) >= _LEAST
    return Correlation(float(largest), total, bool(significant))


def _autocovariance(power: np.ndarray) -> list[float]:
    """Return the autocovariance at lag 0 and at `_LAGS` of noise with independent cosine coefficients."""
    basis = cosine_basis(SIDE)
    shifted = [(basis[:, : SIDE - lag] * basis[:, lag:]).mean(axis=1) for lag in range(3)]  # (8,) for each lag
    return [float(shifted[y] @ power @ shifted[x]) for y, x in ((0, 0), *_LAGS)]
