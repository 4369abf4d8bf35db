"""The log of a fit, kept on the device: nothing per step goes to the CPU."""

import numpy as np
import torch
from torch import Tensor

from nasdip.imaging.metrics import decibels
from nasdip.records.results import Curves

_ROWS = ("loss", "score", "heldout", "raw", "averaged")


class History:
    """Mean squared errors by step: the loss, the held-out pixels', and those against the clean image.

    Parameters
    ----------
    steps : int
        Length of the log.
    device : torch.device
        Where it is kept.
    scale : float
        Nominal units in one working unit, for PSNR in nominal units.

    Attributes
    ----------
    completed : int
        The last step that was logged, to be set by who writes.
    """

    def __init__(self, steps: int, device: torch.device, scale: float) -> None:
        self._log = torch.full((len(_ROWS), steps), torch.nan, device=device)
        self._scale = scale
        self.completed = 0

    def write(self, step: Tensor, **errors: Tensor | None) -> None:
        """Log the errors (0-d tensors) of a step (1,), counted from 1, all on the device."""
        for name, value in errors.items():
            if value is not None:
                self._log[_ROWS.index(name)].index_copy_(0, step - 1, value.detach().view(1))

    def losses(self, first: int, last: int) -> Tensor:
        """Return the losses of steps first..last on the CPU (this waits for the device)."""
        return self._log[0, first - 1 : last].cpu()

    def latest_loss(self) -> float:
        """Return the last loss, in nominal units."""
        return float(self._log[0, self.completed - 1]) * self._scale**2

    def curves(self) -> Curves:
        """Return everything logged so far, in nominal units."""
        n = self.completed
        log = self._log[:, :n].cpu().double().numpy()
        score = log[1] if np.isfinite(log[1]).any() else None
        loss, _, heldout, raw, averaged = self._scale**2 * log
        known = heldout if np.isfinite(heldout).any() else None
        by_raw, by_average = (decibels(row) if np.isfinite(row).any() else None for row in (raw, averaged))
        return Curves(np.arange(1, n + 1), loss, known, by_raw, by_average, score)
