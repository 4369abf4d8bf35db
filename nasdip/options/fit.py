"""The settings of a fit."""

from dataclasses import asdict, dataclass
from typing import Any

from nasdip.errors import NasdipError
from nasdip.options.stopping_rules import rule_names

PRECISIONS = ("fp32", "bf16", "auto")
STOPS = rule_names()


@dataclass(frozen=True)
class FitConfig:
    """How a network is fitted to one measurement; the defaults are the published recipe for denoising.

    Parameters
    ----------
    steps : int
        Optimiser steps. More = sharper, then noisier: an untrained network fits the image first, its noise later.
    learning_rate : float
        Of Adam. Larger = faster, more spikes of the loss.
    warm_up : int
        Steps in which the learning rate grows to its value, in equal parts; 0: it starts there. Larger rates need some.
    second_moment : float
        Weight of the past in Adam's average of squared gradients (its beta2), in [0, 1). The gradients of a fit shrink
        quickly: an average that forgets the first, large ones makes larger steps, and needs fewer.
    input_channels : int
        Channels of the input z.
    input_scale : float
        z is uniform in [0, input_scale].
    input_noise : float
        Standard deviation of the normal perturbation added to z at every step; larger = smoother.
    average : float or None
        Weight of the past in the exponential average of the outputs; larger = smoother, later. None: 0.99, and less
        below 1000 steps (1 - 10 / steps), so that the first outputs are forgotten in short fits too.
    average_span : float
        Share of the steps so far that the average reaches back over at most, in [0, 1]: at step t the weight of the
        past is at most 1 - 1 / (average_span * t), so that early outputs do not hold back later ones. 0: no bound.
    heldout : float
        Fraction of the pixels left out of the loss, in [0, 0.5]; 0 for none.
    spike : float
        A loss above `spike` times the last good ones (or NaN) sends the fit back to its last good state. The
        published code falls back when the PSNR drops by 5 dB, that is at 10**0.5.
    stop : str
        The rule that ends the fit and says which step's image is kept, see `nasdip.fit.stopping`: reference, heldout,
        sure, es-wmv, whiteness; fixed: all steps are taken, and the last one's is. auto: what suits the noise.
    precision : {"fp32", "bf16", "auto"}
        Of the network's maps: bfloat16 takes half of their memory, and less time where the processor or GPU knows
        it; auto: bfloat16 there, float32 elsewhere. Weights are float32 in any case.
    """

    steps: int = 1200
    learning_rate: float = 0.01
    warm_up: int = 0
    second_moment: float = 0.999
    input_channels: int = 32
    input_scale: float = 0.1
    input_noise: float = 1 / 30
    average: float | None = None
    average_span: float = 0.0
    heldout: float = 0.0
    spike: float = 10**0.5
    stop: str = "fixed"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for name, value, good, advice in (
            ("steps", self.steps, type(self.steps) is int and self.steps >= 1, "a whole number from 1"),
            ("learning rate", self.learning_rate, self.learning_rate > 0, "a number above 0"),
            ("warm-up", self.warm_up, type(self.warm_up) is int and self.warm_up >= 0, "a whole number from 0"),
            ("second moment", self.second_moment, 0 <= self.second_moment < 1, "a number in [0, 1)"),
            ("span of the average", self.average_span, 0 <= self.average_span <= 1, "a number in [0, 1]"),
            ("input channels", self.input_channels, self.input_channels >= 1, "a whole number from 1"),
            ("average", self.average, self.average is None or 0 <= self.average < 1, "a number in [0, 1)"),
            ("stopping rule", self.stop, self.stop in STOPS, f"one of {', '.join(STOPS)}"),
            ("precision", self.precision, self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            ("held-out fraction", self.heldout, 0 <= self.heldout <= 0.5, "a number in [0, 0.5]"),
        ):
            if not good:
                raise NasdipError(f"{name} {value} is out of range: use {advice}")

    @property
    def average_weight(self) -> float:
        """Weight of the past in the exponential average of the outputs, which `average_span` may bound further."""
        return self.average if self.average is not None else max(0.0, min(0.99, 1 - 10 / self.steps))

    def average_weight_at(self, step: int) -> float:
        """Return the weight of the past in the average at a step, counted from 1; that of the first is 0.

        Examples
        --------
        >>> FitConfig(average_span=0.1).average_weight_at(50)
        0.8
        """
        if step == 1:
            return 0.0
        if self.average_span == 0:
            return self.average_weight
        return max(0.0, min(self.average_weight, 1 - 1 / (self.average_span * step)))

    def rate_factor_at(self, step: int) -> float:
        """Return the share of the learning rate that a step takes, counted from 1.

        Examples
        --------
        >>> [FitConfig(warm_up=20).rate_factor_at(step) for step in (1, 10, 20, 30)]
        [0.05, 0.5, 1.0, 1.0]
        """
        return min(1.0, step / self.warm_up) if self.warm_up else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object, whose keys are this class's arguments."""
        return asdict(self)
