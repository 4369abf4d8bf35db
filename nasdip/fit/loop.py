"""The loop of a fit: tensors on the device, a step, and what is kept of it."""

import copy
import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nasdip.classical.nonlocal_bayes import BayesEstimate
from nasdip.classical.reference import LEAST_SIGMA
from nasdip.fit.data_term import DataTerm
from nasdip.fit.discrepancy import estimated_error
from nasdip.fit.history import History
from nasdip.fit.network_fit import NetworkFit
from nasdip.fit.precision import working_type
from nasdip.fit.replay import Replay
from nasdip.fit.rollback import FitDiverged, Rollback
from nasdip.fit.stopping.choice import make_rule, needs_perturbed_fit
from nasdip.fit.stopping.rule import BestIterate, Outputs, StoppingContext
from nasdip.fit.stopping.sure import PROBE
from nasdip.fit.tensors import padded, real
from nasdip.imaging.intensity import IntensityScaling
from nasdip.imaging.padding import Padding, crop, padding_for
from nasdip.imaging.spectrum import band_correspondence
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.unclipping import seen_variance
from nasdip.network.build import size_multiple, smallest_size
from nasdip.options.fit import FitConfig
from nasdip.options.stopping_rules import FIXED
from nasdip.records.results import BANDS, BandCurve, Choice, FitEvent, FitResult
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture

# How often the loss is looked at, and how many band correspondences a fit records.
WINDOW = 10
_BAND_POINTS = 40
# A loss of so many times the noise is that of an image which lacks whole parts of the picture.
_BEGUN = 2.0


class FitProgress(NamedTuple):
    """Where a fit is; PSNRs (dB) are those of the image that it would yield if it ended here."""

    step: int
    steps: int
    loss: float
    psnr: float | None  # against the clean image, where there is one
    heldout_psnr: float | None  # against the noisy image, on held-out pixels
    estimated_psnr: float | None = None  # against the unknown clean image


def network_padding(architecture: Architecture, height: int, width: int) -> Padding:
    """Return the padding that brings an image of height x width px to a size which the architecture can take."""
    return padding_for((height, width), size_multiple(architecture), smallest_size(architecture))


def network_size(architecture: Architecture, height: int, width: int) -> tuple[int, int]:
    """Return the size that an image of height x width px is padded to."""
    padding = network_padding(architecture, height, width)
    return height + padding.top + padding.bottom, width + padding.left + padding.right


def network_input(config: FitConfig, size: tuple[int, int], seed: int) -> Tensor:
    """Return the input z (1, input_channels, H, W) of a fit with `seed` to an image that is padded to `size`."""
    z = torch.rand((1, config.input_channels, *size), generator=torch.Generator().manual_seed(derive_seed(seed, 1)))
    return config.input_scale * z


class FitLoop:
    """The state of a fit: tensors on the device, in working units (1, C, H, W). See `nasdip.fit.fit.fit`.

    `watched` are stopping rules that are followed beside the one of the settings, and change nothing.
    """

    def __init__(
        self,
        network: nn.Module,
        architecture: Architecture,
        measurement: Measurement,
        config: FitConfig,
        seed: int,
        clean: np.ndarray | None,
        device: torch.device,
        watched: Sequence[str] = (),
        reference: BayesEstimate | None = None,
    ) -> None:
        self.config, self.seed, self.measurement, self.device = config, seed, measurement, device
        self.scaling: IntensityScaling = measurement.working
        height, width, channels = measurement.image_shape
        self.padding, size = network_padding(architecture, height, width), network_size(architecture, height, width)
        self.type = working_type(config.precision, device)
        self.data = DataTerm(measurement, self.padding, device, heldout=config.heldout, seed=seed)
        image = torch.zeros((1, channels, *size), device=device)
        self.clean = None if clean is None else self._tensor(self.scaling.apply(clean))
        z = network_input(config, size, seed)
        self.z = z.to(device, memory_format=torch.channels_last)
        self.noise_shape = self.z.permute(0, 2, 3, 1).shape  # in the order in which z lies in memory
        self.noise_generator = torch.Generator(device).manual_seed(derive_seed(seed, 2))
        self.number = torch.zeros(1, dtype=torch.long, device=device)  # of the step, for what is recorded of it
        self.ema_decay = torch.zeros((), device=device)  # the weight of the past in the average of the outputs
        self._known_reference = reference
        self.reference = None if reference is None else self._tensor(self.scaling.apply(reference.image))
        names = [name for name in dict.fromkeys((config.stop, *watched)) if name != FIXED]
        context, self.perturbed_fit = self._context(names), None
        self.probe = context.probe
        if self.probe is not None:
            self.perturbed_fit = NetworkFit(copy.deepcopy(network), image, config)
        self.network_fit = NetworkFit(network, image, config)
        self.iterates = {name: BestIterate(make_rule(name, context), image) for name in names}
        if self.clean is not None:
            self.iterates[_ORACLE] = BestIterate(_CleanError(self.clean, self.padding), image)
        self.history = History(config.steps, device, self.scaling.scale)
        others = [] if self.perturbed_fit is None else self.perturbed_fit.state
        own = [self.network_fit.average, self.network_fit.last]
        self.rollback = Rollback(self.network_fit.optimizer, [*own, *others], config.spike)
        self.events: list[FitEvent] = []
        self.image_step = 0
        self.bands: list[tuple[int, np.ndarray]] = []
        self.replay = Replay([self.noise_generator], device)
        self.band_steps = {int(s) for s in np.geomspace(1, config.steps, _BAND_POINTS)}

    def step(self, step: int) -> None:
        """Take one optimiser step, and log it without waiting for the device."""
        self.number.fill_(step)
        self.ema_decay.fill_(self.config.average_weight_at(step))
        for network_fit in self._network_fits():
            network_fit.optimizer.scale(self.config.rate_factor_at(step))
        self.replay(self._work)
        self.history.completed = step
        if step in self.band_steps and bool(torch.isfinite(self.network_fit.last).all()):
            again = self.measurement.operator.forward(self._array(self.network_fit.last))
            self.bands.append((step, band_correspondence(again, self.measurement.pixels, bands=BANDS)))

    def _work(self) -> None:
        """Do what every step does, on tensors that stay where they are."""
        noise = torch.randn(self.noise_shape, generator=self.noise_generator, device=self.device).permute(0, 3, 1, 2)
        z = torch.add(self.z, noise, alpha=self.config.input_noise).to(self.type)
        loss = self.network_fit.step(z, self.data.loss, self.ema_decay)
        if self.perturbed_fit is not None:
            self.perturbed_fit.step(z, lambda output: self.data.loss(output, self.probe), self.ema_decay)
        self._record(loss)

    def _network_fits(self) -> list[NetworkFit]:
        return [self.network_fit] if self.perturbed_fit is None else [self.network_fit, self.perturbed_fit]

    @torch.no_grad()
    def _record(self, loss: Tensor) -> None:
        network_fit = self.network_fit
        outputs = Outputs(
            self.number,
            network_fit.last,
            network_fit.average,
            None if self.perturbed_fit is None else self.perturbed_fit.average,
        )
        scores = {name: iterate.see(outputs) for name, iterate in self.iterates.items() if not iterate.ended}
        raw = None if self.clean is None else _mean_square(network_fit.last - self.clean, self.padding)
        self.history.write(
            self.number,
            loss=loss,
            heldout=self._heldout_error(network_fit.average),
            raw=raw,
            averaged=scores.get(_ORACLE),
            score=scores.get(self.config.stop),
        )

    def check(self, step: int) -> bool:
        """Let the rollback judge the last window of losses, and the rule the steps so far; return whether to stop."""
        first = (step - 1) // WINDOW * WINDOW + 1
        message = self.rollback.check(step, self.history.losses(first, step))
        self.image_step = step if message is None else self.rollback.good_step
        if message is not None:
            self.events.append(FitEvent(step, message))
        if self.rollback.exhausted and self.image_step == 0:
            raise FitDiverged(f"the fit failed from its first steps on: {message}; use another architecture or image")
        begun = self._has_begun(first, step)
        ended = {name: iterate.check(step, begun=begun) for name, iterate in self.iterates.items()}
        if not self.replay.records and all(done for name, done in ended.items() if needs_perturbed_fit(name)):
            self.perturbed_fit = None
        return self.rollback.exhausted or ended.get(self.config.stop, False)

    def _has_begun(self, first: int, step: int) -> bool:
        """Whether the residual of the last window has come down to the noise: before, no score tells when to end."""
        noise = self._noise_in_loss
        return noise is None or float(np.median(self.history.losses(first, step))) <= _BEGUN * noise

    @cached_property
    def _noise_in_loss(self) -> float | None:
        """The expected loss of the true image; None where the noise is unknown, or too little to count."""
        variance = self.measurement.noise_variance()
        if variance is None or self.measurement.relative_sigma < LEAST_SIGMA:
            return None
        values = self.data.tensor(np.broadcast_to(variance, self.measurement.pixels.shape) / self.scaling.scale**2)
        return float((values if self.data.weights is None else values * self.data.weights).mean())

    def progress(self, step: int) -> FitProgress:
        """Return where the fit is."""
        image, _ = self._chosen(self.config.stop)
        return FitProgress(
            step, self.config.steps, self.history.latest_loss(), self._psnr(image), self._heldout_psnr(image),
            self._estimated_psnr(image),
        )  # fmt: skip

    def result(self, seconds: float) -> FitResult:
        """Collect the images and curves."""
        if self.image_step == 0:
            raise FitDiverged(f"the fit failed at once: {self.events[-1].message}; use more steps or another seed")
        image, step = self._chosen(self.config.stop)
        oracle = self.iterates.get(_ORACLE)
        has_oracle = oracle is not None and int(oracle.step) > 0
        return FitResult(
            averaged=self._array(image),
            last=self._array(self.network_fit.last),
            oracle=self._array(oracle.image) if oracle is not None and has_oracle else None,
            oracle_step=int(oracle.step) if oracle is not None and has_oracle else None,
            curves=self.history.curves(),
            bands=BandCurve(
                np.array([s for s, _ in self.bands]), np.array([b for _, b in self.bands]).reshape(-1, BANDS)
            ),
            events=tuple(self.events),
            image_step=step,
            seed=self.seed,
            seconds=seconds,
            psnr_averaged=self._psnr(image),
            psnr_last=self._psnr(self.network_fit.last),
            heldout_psnr=self._heldout_psnr(image),
            estimated_psnr=self._estimated_psnr(image),
            hit_step_limit=self._hit_step_limit(step),
            choices={name: self._choice(name) for name in self.iterates if name != _ORACLE},
        )

    def _chosen(self, rule: str) -> tuple[Tensor, int]:
        """Return the image that a rule chose, and its step: where it has none, the average of the last good one."""
        iterate = self.iterates.get(rule)
        if iterate is None or int(iterate.step) == 0:
            return self.network_fit.average, self.image_step
        return iterate.image, int(iterate.step)

    def _choice(self, rule: str) -> Choice:
        image, step = self._chosen(rule)
        return Choice(step, self.iterates[rule].ended or self.history.completed, self._psnr(image))

    def _hit_step_limit(self, step: int) -> bool:
        """Whether the steps ended before the rule did, with its best one among the last tenth."""
        iterate = self.iterates.get(self.config.stop)
        at_limit = self.history.completed == self.config.steps
        return iterate is not None and not iterate.ended and at_limit and step > 0.9 * self.config.steps

    def _tensor(self, image: np.ndarray) -> Tensor:
        return padded(image, self.padding, self.device)

    def _array(self, tensor: Tensor) -> np.ndarray:
        image = tensor[0].permute(1, 2, 0).cpu().numpy()
        return self.scaling.invert(crop(image, self.padding)).astype(np.float32)

    def _context(self, rules: Sequence[str]) -> StoppingContext:
        """Return what the rules can know."""
        variance, probe = self.measurement.noise_variance(), None
        if variance is not None and any(needs_perturbed_fit(rule) for rule in rules):
            draw = np.random.default_rng(derive_seed(self.seed, 5)).standard_normal(self.measurement.pixels.shape)
            probe = self.data.tensor(PROBE * np.sqrt(variance) / self.scaling.scale * draw)
        shape = self.measurement.image_shape
        return StoppingContext(self.data, self.padding, shape, self.reference, probe, derive_seed(self.seed, 6))

    def _psnr(self, image: Tensor) -> float | None:
        if self.clean is None:
            return None
        return float(-10 * torch.log10(_mean_square(image - self.clean, self.padding) * self.scaling.scale**2))

    def _heldout_error(self, image: Tensor) -> Tensor | None:
        """Return the mean squared error of an image on the held-out pixels."""
        return None if self.data.heldout is None else self.data.heldout_error(image)

    @cached_property
    def _heldout_variance(self) -> float | None:
        """The mean variance of the noise that is seen on the held-out pixels, [0, 1] units squared."""
        reference = self._known_reference
        variance = seen_variance(self.measurement, None if reference is None else reference.image)
        if variance is None or self.data.heldout is None:
            return None
        if isinstance(variance, float):
            return variance
        return float((self.data.tensor(variance) * self.data.heldout).mean())

    def _heldout_psnr(self, image: Tensor) -> float | None:
        """Return the PSNR of an image against the noisy one on the held-out pixels."""
        error = self._heldout_error(image)
        return None if error is None else -10 * math.log10(float(error) * self.scaling.scale**2)

    def _estimated_psnr(self, image: Tensor) -> float | None:
        """Return the PSNR of an image as `estimated_error` has it."""
        heldout, variance, near = self._heldout_error(image), self._heldout_variance, None
        if heldout is None or variance is None:
            return None
        unit = self.scaling.scale**2
        if self.reference is not None:
            near = unit * float(_mean_square(image - self.reference, self.padding))
        error = estimated_error(unit * float(heldout), near, variance)
        return None if error is None else -10 * math.log10(error)


# The name of the iterate that picks with the clean image, and decides nothing.
_ORACLE = "oracle"


class _CleanError:
    """Score: the mean squared error against the clean image."""

    def __init__(self, clean: Tensor, padding: Padding) -> None:
        self._clean, self._padding = clean, padding

    def score(self, outputs: Outputs) -> Tensor:
        return _mean_square(outputs.averaged - self._clean, self._padding)

    def patience(self, best: int) -> int:
        return best + 10**9


def _mean_square(difference: Tensor, padding: Padding) -> Tensor:
    return real(difference, padding).square().mean()
