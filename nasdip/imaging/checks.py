"""What every function on images asks of its input."""

import numpy as np

from nasdip.errors import NasdipError


def check_image(image: np.ndarray, name: str = "image") -> np.ndarray:
    """Return `image` as a float64 array after checking that it is (H, W) or (H, W, C), floating and finite.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, C), floating point.
    name : str
        What the error message calls it.

    Raises
    ------
    NasdipError
        For another number of axes, an empty array, integers, NaN or infinity.

    Examples
    --------
    >>> check_image(np.ones((2, 3), np.float32)).dtype
    dtype('float64')
    """
    if image.ndim not in (2, 3) or image.size == 0:
        raise NasdipError(f"{name} has the shape {image.shape}: give an array (H, W) or (H, W, C)")
    if not np.issubdtype(image.dtype, np.floating):
        raise NasdipError(f"{name} has the dtype {image.dtype}: convert it to float in [0, 1] first")
    check_finite(image, name)
    return image.astype(np.float64)


def check_finite(image: np.ndarray, name: str) -> None:
    """Raise NasdipError, with the number of pixels concerned, where `image` holds NaN or infinity."""
    bad = ~np.isfinite(image)
    if bad.any():
        count = int(np.sum(bad.any(axis=-1) if image.ndim == 3 else bad))
        raise NasdipError(f"{name} is NaN or infinite in {count} pixels: replace them by numbers first")


def check_same_shape(first: np.ndarray, second: np.ndarray) -> None:
    """Raise NasdipError unless the two images have one shape."""
    if first.shape != second.shape:
        raise NasdipError(
            f"images of shapes {first.shape} and {second.shape} cannot be compared: crop one to the other"
        )


def luminance(image: np.ndarray) -> np.ndarray:
    """Return the mean over channels of an image (H, W) or (H, W, C), as (H, W).

    Examples
    --------
    >>> luminance(np.array([[[0.0, 0.5, 1.0]]]))
    array([[0.5]])
    """
    return image if image.ndim == 2 else image.mean(axis=2)
