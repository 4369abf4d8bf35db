"""A measurement on a device: the one residual that losses, stopping rules and held-out pixels share."""

import numpy as np
import torch
from torch import Tensor

from nasdip.errors import NasdipError
from nasdip.fit.tensors import padded, real
from nasdip.fit.weighting import loss_weights, split_pixels
from nasdip.imaging.padding import Padding
from nasdip.measurement.measurement import Measurement


class DataTerm:
    """Compares images with what was measured; tensors (1, C, H, W) in working units, on a device.

    Images come padded, as the network makes them. Behind a pixelwise operator the measurement is padded with them, by
    reflection: the border counts as its mirror image does. Behind another the padding is cut off first.

    Parameters
    ----------
    measurement : Measurement
        What is fitted.
    padding : Padding
        Around the image x.
    heldout : float
        Fraction of the valid pixels that are left out of the loss.
    seed : int
        Of the draw of these.

    Attributes
    ----------
    pixels : Tensor
        y, padded where the operator is pixelwise.
    weights : Tensor or None
        (1, 1 or C, H, W): the share of each value of y in the loss, with mean 1; None for all alike.
    heldout : Tensor or None
        (1, 1, H, W): 0 for pixels in the loss, a constant for those held out, with mean 1; None where none are.
        Reflected copies of a held-out pixel are held out with it; they do not count here.
    """

    def __init__(
        self, measurement: Measurement, padding: Padding, device: torch.device, *, heldout: float = 0.0, seed: int = 0
    ) -> None:
        self._device, self._image_padding = device, padding
        self._pixelwise = measurement.operator.pixelwise
        # Of the measured values; what the images are padded by is cut off where the operator is not pixelwise.
        self.padding = padding if self._pixelwise else Padding(0, 0, 0, 0)
        self._operator = measurement.operator.padded(padding) if self._pixelwise else measurement.operator
        pixels = measurement.working.apply(measurement.pixels)
        if measurement.operator.measured is not None:
            pixels = measurement.operator.forward(pixels)  # black is where nothing was measured, whatever the range
        self.pixels = self.tensor(pixels)
        self.heldout, self.weights = self._split(measurement, heldout, seed)

    def tensor(self, values: np.ndarray) -> Tensor:
        """Return an array that lies on the measured values, (H, W, C), as a tensor, padded as they are."""
        return padded(values, self.padding, self._device)

    def forward(self, image: Tensor) -> Tensor:
        """Return H x of a padded image x."""
        return self._operator.forward(image if self._pixelwise else real(image, self._image_padding))

    def residual(self, image: Tensor, probe: Tensor | None = None) -> Tensor:
        """Return H x - y of a padded image x; y with the `probe` added to it, where one is given."""
        return self.forward(image) - (self.pixels if probe is None else self.pixels + probe)

    def loss(self, image: Tensor, probe: Tensor | None = None) -> Tensor:
        """Return the weighted mean square of the residual, 0-d."""
        squares = self.residual(image, probe).square()
        return squares.mean() if self.weights is None else (squares * self.weights).mean()

    def heldout_error(self, image: Tensor) -> Tensor:
        """Return the mean square of the residual on held-out pixels, 0-d; NasdipError where there are none."""
        if self.heldout is None:
            raise NasdipError("no pixels are held out: set heldout above 0")
        return (self.residual(image).square() * self.heldout).mean()

    def real_residual(self, image: Tensor) -> Tensor:
        """Return the residual without padding."""
        return real(self.residual(image), self.padding)

    def _split(self, measurement: Measurement, fraction: float, seed: int) -> tuple[Tensor | None, Tensor | None]:
        mask = split_pixels(measurement, fraction, seed)
        weights, heldout = loss_weights(measurement, mask), None
        if mask is not None:
            pad = self.padding
            border = [(pad.top, pad.bottom), (pad.left, pad.right)]
            heldout = torch.from_numpy(np.pad(mask, border).astype(np.float32)[None, None]).to(self._device)
            heldout = heldout / heldout.mean()
        loss = None if weights is None else self.tensor(weights)
        return heldout, None if loss is None else loss / loss.mean()
