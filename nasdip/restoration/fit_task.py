"""What every fit of a restoration shares: all that decides its outcome."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import allows_reference
from nasdip.fit.fit import check_clean
from nasdip.fit.precision import choose_precision
from nasdip.fit.stopping.automatic import decided
from nasdip.imaging.tiles import Tiling
from nasdip.measurement.measurement import Measurement
from nasdip.network.build import DEFAULT_WIDTH
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture, check_channels


@dataclass(frozen=True)
class FitTask:
    """A measurement, and how it is to be fitted.

    Parameters
    ----------
    measurement : Measurement
        What is fitted.
    architecture : Architecture
        Of the networks.
    config : FitConfig
        Its stopping rule and precision are those that are to be used, auto being decided by `make_fit_task`.
    width : int
        Channels of every level.
    seed : int
        From which those of the repetitions come.
    clean : ndarray or None
        (H, W, C); measures only.
    device : torch.device
        Where networks are fitted.
    refine : bool
        Whether the mean of the fits is improved without a network at the end, see `nasdip.restoration.combination`.
    watched : tuple of str
        Stopping rules that are followed beside that of `config` and change no image, see `nasdip.fit.fit.fit`.
    reference : BayesEstimate or None
        An estimate of the image without a network, where one was made.
    """

    measurement: Measurement
    architecture: Architecture
    config: FitConfig
    width: int
    seed: int
    clean: np.ndarray | None
    device: torch.device
    refine: bool = False
    watched: tuple[str, ...] = ()
    reference: BayesEstimate | None = None

    @property
    def needs_reference(self) -> bool:
        """Whether an estimate without a network has to be made first."""
        rules = (self.config.stop, *self.watched)
        return (self.refine or "reference" in rules) and allows_reference(self.measurement)

    def identity(self, tiling: Tiling | None) -> dict[str, Any]:
        """Return what identifies the restoration in its record, beside its images."""
        return {
            "architecture": str(self.architecture),
            "config": self.config.to_json(),
            "width": self.width,
            "seed": self.seed,
            **self.measurement.identity(),
            "device": self.device.type,
            "tiles": None if tiling is None else tiling.to_json(),
            **({"watched": list(self.watched)} if self.watched else {}),
        }


def make_fit_task(
    measurement: Measurement,
    architecture: Architecture,
    config: FitConfig = FitConfig(),  # noqa: B008 (frozen)
    *,
    width: int | None = None,
    seed: int = 0,
    clean: np.ndarray | None = None,
    device: str | torch.device = "cpu",
    refine: bool = False,
    watched: tuple[str, ...] = (),
) -> FitTask:
    """Check and complete the settings of a restoration; see `FitTask`, and for `width` `build_network`.

    Raises
    ------
    NasdipError
        For a width that is none, and a clean image that is not finite or of another shape.
    """
    device = torch.device(device)
    check_channels(width)
    check_clean(clean, measurement)
    config = replace(decided(config, measurement), precision=choose_precision(config.precision, device))
    width = architecture.width or width or DEFAULT_WIDTH
    return FitTask(measurement, architecture, config, width, seed, clean, device, refine, watched)
