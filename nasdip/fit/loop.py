"""The loop of a fit: tensors on the device, a step, and what is kept of it."""

import copy
import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nasdip.fit.discrepancy import estimated_error
from nasdip.fit.history import History
from nasdip.fit.network_fit import Track
from nasdip.fit.precision import working_type
from nasdip.fit.replay import Replay
from nasdip.fit.rollback import FitDiverged, Guard
from nasdip.fit.stopping.choice import FIXED, make_rule, needs_twin
from nasdip.fit.stopping.rule import Keeper, Outputs, Scene
from nasdip.fit.stopping.sure import PROBE
from nasdip.fit.tensors import padded, real
from nasdip.fit.weighting import loss_weights, split_pixels
from nasdip.imaging.intensity import Stretch, working_range
from nasdip.imaging.padding import Padding, crop, padding_for
from nasdip.imaging.spectrum import band_correspondence
from nasdip.measurement.measurement import Observation
from nasdip.measurement.unclipping import seen_variance
from nasdip.network.build import size_multiple, smallest_size
from nasdip.options.fit import FitConfig
from nasdip.records.results import BANDS, BandCurve, Choice, FitEvent, FitResult
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture

# How often the loss is looked at, and how many band correspondences a fit records.
WINDOW = 10
_BAND_POINTS = 40


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
        observation: Observation,
        config: FitConfig,
        seed: int,
        clean: np.ndarray | None,
        device: torch.device,
        watched: Sequence[str] = (),
    ) -> None:
        self.config, self.seed, self.observation, self.device = config, seed, observation, device
        self.stretch: Stretch = observation.working or working_range(observation.pixels)
        self.padding = network_padding(architecture, *observation.pixels.shape[:2])
        self.type = working_type(config.precision, device)
        self.noisy = self._tensor(self.stretch.apply(observation.pixels))
        self.clean = None if clean is None else self._tensor(self.stretch.apply(clean))
        self.heldout, self.weights = self._split_pixels()
        z = network_input(config, (self.noisy.shape[2], self.noisy.shape[3]), seed)
        self.z = z.to(device, memory_format=torch.channels_last)
        self.noise_shape = self.z.permute(0, 2, 3, 1).shape  # in the order in which z lies in memory
        self.noise_generator = torch.Generator(device).manual_seed(derive_seed(seed, 2))
        self.number = torch.zeros(1, dtype=torch.long, device=device)  # of the step, for what is recorded of it
        self.past = torch.zeros((), device=device)  # its weight in the average of the outputs
        seen = observation.reference
        self.reference = None if seen is None else self._tensor(self.stretch.apply(seen.image))
        names = [name for name in dict.fromkeys((config.stop, *watched)) if name != FIXED]
        scene, twin = self._scene(names), None
        if scene.probe is not None:
            twin = Track(copy.deepcopy(network), self.noisy + scene.probe, config)
        self.track, self.twin = Track(network, self.noisy, config), twin
        self.keepers = {name: Keeper(make_rule(name, scene), self.noisy) for name in names}
        if self.clean is not None:
            self.keepers[_ORACLE] = Keeper(_CleanError(self.clean, self.padding), self.noisy)
        self.history = History(config.steps, device, self.stretch.scale)
        others = [] if twin is None else twin.state
        self.guard = Guard(self.track.optimizer, [self.track.average, self.track.last, *others], config.spike)
        self.events: list[FitEvent] = []
        self.image_step = 0
        self.bands: list[tuple[int, np.ndarray]] = []
        self.replay = Replay([self.noise_generator], device)
        self.band_steps = {int(s) for s in np.geomspace(1, config.steps, _BAND_POINTS)}

    def step(self, step: int) -> None:
        """Take one optimiser step, and log it without waiting for the device."""
        self.number.fill_(step)
        self.past.fill_(self.config.average_weight_at(step))
        for track in self._tracks():
            track.optimizer.scale(self.config.rate_factor_at(step))
        self.replay(self._work)
        self.history.completed = step
        if step in self.band_steps and bool(torch.isfinite(self.track.last).all()):
            correspondence = band_correspondence(self._array(self.track.last), self.observation.pixels, bands=BANDS)
            self.bands.append((step, correspondence))

    def _work(self) -> None:
        """Do what every step does, on tensors that stay where they are."""
        noise = torch.randn(self.noise_shape, generator=self.noise_generator, device=self.device).permute(0, 3, 1, 2)
        z = torch.add(self.z, noise, alpha=self.config.input_noise).to(self.type)
        losses = [track.step(z, self._loss, self.past) for track in self._tracks()]
        self._record(losses[0])

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        squares = (self.observation.operator(output) - target).square()
        return squares.mean() if self.weights is None else (squares * self.weights).mean()

    def _tracks(self) -> list[Track]:
        return [self.track] if self.twin is None else [self.track, self.twin]

    @torch.no_grad()
    def _record(self, loss: Tensor) -> None:
        track = self.track
        outputs = Outputs(self.number, track.last, track.average, None if self.twin is None else self.twin.average)
        scores = {name: keeper.see(outputs) for name, keeper in self.keepers.items() if not keeper.ended}
        raw = None if self.clean is None else _mean_square(track.last - self.clean, self.padding)
        self.history.write(
            self.number,
            loss=loss,
            heldout=self._heldout_error(track.average),
            raw=raw,
            averaged=scores.get(_ORACLE),
            score=scores.get(self.config.stop),
        )

    def check(self, step: int) -> bool:
        """Let the guard judge the last window of losses, and the rule the steps so far; return whether to stop."""
        first = (step - 1) // WINDOW * WINDOW + 1
        message = self.guard.check(step, self.history.losses(first, step))
        self.image_step = step if message is None else self.guard.good_step
        if message is not None:
            self.events.append(FitEvent(step, message))
        if self.guard.exhausted and self.image_step == 0:
            raise FitDiverged(f"the fit failed from its first steps on: {message}; use another architecture or image")
        ended = {name: keeper.check(step) for name, keeper in self.keepers.items()}
        if not self.replay.records and all(done for name, done in ended.items() if needs_twin(name)):
            self.twin = None
        return self.guard.exhausted or ended.get(self.config.stop, False)

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
        oracle = self.keepers.get(_ORACLE)
        has_oracle = oracle is not None and int(oracle.step) > 0
        return FitResult(
            averaged=self._array(image),
            last=self._array(self.track.last),
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
            psnr_last=self._psnr(self.track.last),
            heldout_psnr=self._heldout_psnr(image),
            estimated_psnr=self._estimated_psnr(image),
            ahead=self._ahead(step),
            choices={name: self._choice(name) for name in self.keepers if name != _ORACLE},
        )

    def _chosen(self, rule: str) -> tuple[Tensor, int]:
        """Return the image that a rule chose, and its step: where it has none, the average of the last good one."""
        keeper = self.keepers.get(rule)
        if keeper is None or int(keeper.step) == 0:
            return self.track.average, self.image_step
        return keeper.image, int(keeper.step)

    def _choice(self, rule: str) -> Choice:
        image, step = self._chosen(rule)
        return Choice(step, self.keepers[rule].ended or self.history.completed, self._psnr(image))

    def _ahead(self, step: int) -> bool:
        """Whether the steps ended before the rule did, with its best one among the last tenth."""
        keeper = self.keepers.get(self.config.stop)
        at_limit = self.history.completed == self.config.steps
        return keeper is not None and not keeper.ended and at_limit and step > 0.9 * self.config.steps

    def _tensor(self, image: np.ndarray) -> Tensor:
        return padded(image, self.padding, self.device)

    def _array(self, tensor: Tensor) -> np.ndarray:
        image = tensor[0].permute(1, 2, 0).cpu().numpy()
        return self.stretch.invert(crop(image, self.padding)).astype(np.float32)

    def _scene(self, rules: Sequence[str]) -> Scene:
        """Return what the rules can know."""
        variance, probe = self.observation.noise_variance(), None
        if variance is not None and any(needs_twin(rule) for rule in rules):
            draw = np.random.default_rng(derive_seed(self.seed, 5)).standard_normal(self.observation.pixels.shape)
            probe = self._tensor(PROBE * np.sqrt(variance) / self.stretch.scale * draw)
        return Scene(
            noisy=self.noisy,
            padding=self.padding,
            weights=self.weights,
            heldout=self.heldout,
            reference=self.reference,
            probe=probe,
            seed=derive_seed(self.seed, 6),
        )

    def _split_pixels(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the weights (1, 1, H, W) of the pixels held out, and those (1, C, H, W) of values in the loss.

        Both average to 1. Reflected copies of a held-out pixel are held out with it; they do not count in the
        held-out error.
        """
        mask = split_pixels(self.observation, self.config.heldout, self.seed)
        weights, heldout = loss_weights(self.observation, mask), None
        if mask is not None:
            pad = self.padding
            border = [(pad.top, pad.bottom), (pad.left, pad.right)]
            heldout = torch.from_numpy(np.pad(mask, border).astype(np.float32)[None, None]).to(self.device)
            heldout = heldout / heldout.mean()
        loss = None if weights is None else self._tensor(weights)
        return heldout, None if loss is None else loss / loss.mean()

    def _psnr(self, image: Tensor) -> float | None:
        if self.clean is None:
            return None
        return float(-10 * torch.log10(_mean_square(image - self.clean, self.padding) * self.stretch.scale**2))

    def _heldout_error(self, image: Tensor) -> Tensor | None:
        """Return the mean squared error of an image on the held-out pixels."""
        if self.heldout is None:
            return None
        return ((self.observation.operator(image) - self.noisy).square() * self.heldout).mean()

    @cached_property
    def _heldout_variance(self) -> float | None:
        """The mean variance of the noise that is seen on the held-out pixels, [0, 1] units squared."""
        variance = seen_variance(self.observation)
        if variance is None or self.heldout is None:
            return None
        if isinstance(variance, float):
            return variance
        return float((self._tensor(variance) * self.heldout).mean())

    def _heldout_psnr(self, image: Tensor) -> float | None:
        """Return the PSNR of an image against the noisy one on the held-out pixels."""
        error = self._heldout_error(image)
        return None if error is None else -10 * math.log10(float(error) * self.stretch.scale**2)

    def _estimated_psnr(self, image: Tensor) -> float | None:
        """Return the PSNR of an image as `estimated_error` has it."""
        heldout, variance, near = self._heldout_error(image), self._heldout_variance, None
        if heldout is None or variance is None:
            return None
        unit = self.stretch.scale**2
        if self.reference is not None:
            near = unit * float(_mean_square(image - self.reference, self.padding))
        error = estimated_error(unit * float(heldout), near, variance)
        return None if error is None else -10 * math.log10(error)


# The name of the keeper that picks with the clean image, and decides nothing.
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
