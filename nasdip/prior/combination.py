"""The picture that several fits make together, with what the noisy one still tells."""

from collections.abc import Sequence

import numpy as np

from nasdip.imaging.nonlocal_bayes import nonlocal_wiener
from nasdip.imaging.observation import Observation
from nasdip.imaging.reference import only_impulses


def combine(observation: Observation, fits: Sequence[np.ndarray], *, refine: bool, workers: int = 1) -> np.ndarray:
    r"""Make one image of the fits (H, W, C), of which there is at least one.

    With f their mean, r the reference, w the non-local Wiener estimate of the noisy image with pilot
    :math:`p = (f + r) / 2`, the image is :math:`(p + w) / 2`: networks and patches err in different places, and the
    Wiener filter takes back from the noisy image what both had lost. Without a reference, or `refine`, it is f.

    Where impulses are all the noise there is, the other pixels are kept, and f fills the gaps.
    """
    fitted = np.mean(np.stack(fits), axis=0, dtype=np.float64)
    image = fitted
    variance, reference = observation.noise_variance(), observation.reference
    if refine and reference is not None and variance is not None:
        pilot = (fitted + reference.image) / 2
        image = (pilot + nonlocal_wiener(observation.pixels, pilot, variance, workers=workers).image) / 2
    elif refine and only_impulses(observation) and observation.known is not None:
        image = np.where(observation.known[..., None], observation.pixels, fitted)
    return np.asarray(image, np.float32)
