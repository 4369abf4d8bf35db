"""Stopping where the residual is most like white noise."""

import numpy as np
import torch
from torch import Tensor

from nasdip.fit.stopping.rule import Outputs, StoppingContext, proportional
from nasdip.fit.tensors import real
from nasdip.imaging.spectrum import radial_frequency
from nasdip.imaging.whiteness import independent_frequencies


class ResidualWhiteness:
    """Score: how far the residual, noisy less averaged output, is from white: see `nasdip.imaging.whiteness.whiteness`.

    The largest distance of its cumulative periodogram from that of white noise. The residual holds structure at low
    frequencies first, and lacks the slow part of the noise later. For noise that is white.
    """

    def __init__(self, context: StoppingContext) -> None:
        self._data = context.data
        height, width = real(context.data.pixels, context.data.padding).shape[2:]
        chosen = np.flatnonzero(independent_frequencies(height, width))
        radius = radial_frequency((height, width)).ravel()[chosen]
        order = torch.from_numpy(chosen[np.argsort(radius, kind="stable")])
        self._order = order.to(context.device)
        self._white = torch.arange(1, len(order) + 1, device=context.device) / len(order)

    def score(self, outputs: Outputs) -> Tensor:
        """Return the distance."""
        residual = -self._data.real_residual(outputs.averaged)
        residual = residual - residual.mean(dim=(2, 3), keepdim=True)
        power = torch.fft.fft2(residual).abs().square().mean(dim=(0, 1)).reshape(-1)
        cumulative = power.index_select(0, self._order).double().cumsum(0)
        return (cumulative / cumulative[-1] - self._white).abs().max().float()

    def patience(self, best: int) -> int:
        """Return a third of the steps so far."""
        return proportional(best, 1 / 3, 100)
