"""What a method of a comparison does, and what it makes."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

Tell = Callable[[int, int, str], None]  # done, of how many, a few words


class Restored(NamedTuple):
    """The image of a method, and the means that clipped noise shows of it; (H, W, C) both."""

    image: np.ndarray
    seen: np.ndarray


class Runner(Protocol):
    """A method, ready to be run."""

    def restore(self, tell: Tell) -> Restored:
        """Restore the picture."""
        ...

    def predict(self, tell: Tell) -> np.ndarray:
        """Return what is seen (H, W, C) where the held-out pixels were hidden; called after `restore`."""
        ...
