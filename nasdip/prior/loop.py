"""The loop of a fit: tensors on the device, a step, and what is kept of it."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nasdip.imaging.intensity import Stretch, working_range
from nasdip.imaging.observation import Observation
from nasdip.imaging.padding import Padding, crop, pad_reflect, padding_for
from nasdip.imaging.spectrum import band_correspondence
from nasdip.network.build import size_multiple, smallest_size
from nasdip.network.exact import rewrite
from nasdip.prior.adam import Adam
from nasdip.prior.config import FitConfig
from nasdip.prior.device import place
from nasdip.prior.guard import FitDiverged, Guard
from nasdip.prior.history import History
from nasdip.prior.precision import working_type
from nasdip.prior.replay import Replay
from nasdip.prior.result import BANDS, BandCurve, FitEvent, FitResult
from nasdip.seeds import derive_seed
from nasdip.space.architecture import Architecture

# How often the loss is looked at, and how many band correspondences a fit records.
WINDOW = 10
_BAND_POINTS = 40


class FitProgress(NamedTuple):
    """Where a fit is: what progress displays get."""

    step: int
    steps: int
    loss: float
    oracle_psnr: float | None  # of the averaged output, where there is a clean image
    heldout_psnr: float | None  # of the averaged output against the noisy image, on held-out pixels


def network_padding(architecture: Architecture, height: int, width: int) -> Padding:
    """Return the padding that brings an image of height x width px to a size which the architecture can take."""
    return padding_for((height, width), size_multiple(architecture), smallest_size(architecture))


def network_size(architecture: Architecture, height: int, width: int) -> tuple[int, int]:
    """Return the size that an image of height x width px is padded to."""
    padding = network_padding(architecture, height, width)
    return height + padding.top + padding.bottom, width + padding.left + padding.right


class FitLoop:
    """The state of a fit: tensors on the device, in working units (1, C, H, W). See `nasdip.prior.fit.fit`."""

    def __init__(
        self,
        network: nn.Module,
        architecture: Architecture,
        observation: Observation,
        config: FitConfig,
        seed: int,
        clean: np.ndarray | None,
        device: torch.device,
    ) -> None:
        self.config, self.seed, self.observation, self.device = config, seed, observation, device
        self.stretch: Stretch = observation.working or working_range(observation.pixels)
        self.padding = network_padding(architecture, *observation.pixels.shape[:2])
        self.network = place(network, device).train()
        self.type = working_type(config.precision, device)
        self.forward = rewrite(self.network)
        self.noisy = self._tensor(self.stretch.apply(observation.pixels))
        self.clean = None if clean is None else self._tensor(self.stretch.apply(clean))
        self.kept, self.heldout = self._split_pixels()
        self.z = self._input()
        self.noise_shape = self.z.permute(0, 2, 3, 1).shape  # in the order in which z lies in memory
        self.noise_generator = torch.Generator(device).manual_seed(derive_seed(seed, 2))
        self.number = torch.zeros(1, dtype=torch.long, device=device)  # of the step, for what is recorded of it
        self.past = torch.zeros((), device=device)  # its weight in the average of the outputs
        self.optimizer = Adam(self.network.parameters(), config.learning_rate, second_moment=config.second_moment)
        self.average = torch.zeros_like(self.noisy)
        self.last = torch.zeros_like(self.noisy)
        self.oracle = torch.zeros_like(self.noisy)
        self.oracle_error = torch.tensor(torch.inf, device=device)
        self.oracle_step = torch.zeros_like(self.number)
        self.history = History(config.steps, device, self.stretch.scale)
        self.guard = Guard(self.optimizer, [self.average, self.last], config.spike)
        self.events: list[FitEvent] = []
        self.image_step = 0
        self.bands: list[tuple[int, np.ndarray]] = []
        self.replay = Replay([self.noise_generator], device)
        self.band_steps = {int(s) for s in np.geomspace(1, config.steps, _BAND_POINTS)}

    def step(self, step: int) -> None:
        """Take one optimiser step, and log it without waiting for the device."""
        self.number.fill_(step)
        self.past.fill_(self.config.average_weight_at(step))
        self.optimizer.scale(self.config.rate_factor_at(step))
        self.replay(self._work)
        self.history.completed = step
        if step in self.band_steps and bool(torch.isfinite(self.last).all()):
            correspondence = band_correspondence(self._array(self.last), self.observation.pixels, bands=BANDS)
            self.bands.append((step, correspondence))

    def _work(self) -> None:
        """Do what every step does, on tensors that stay where they are."""
        noise = torch.randn(self.noise_shape, generator=self.noise_generator, device=self.device).permute(0, 3, 1, 2)
        output = self.forward(torch.add(self.z, noise, alpha=self.config.input_noise).to(self.type)).float()
        squares = (self.observation.operator(output) - self.noisy).square()
        loss = squares.mean() if self.kept is None else (squares * self.kept).mean()
        self.optimizer.forget_gradients()
        loss.backward()
        self.optimizer.step()
        self._record(output.detach(), loss.detach())

    @torch.no_grad()
    def _record(self, output: Tensor, loss: Tensor) -> None:
        self.last.copy_(output)
        self.average.lerp_(output, 1 - self.past)
        heldout = self._heldout_error()
        raw = averaged = None
        if self.clean is not None:
            raw, averaged = self._clean_error(output), self._clean_error(self.average)
            better = averaged < self.oracle_error
            for kept, new in (
                (self.oracle, self.average), (self.oracle_error, averaged), (self.oracle_step, self.number),
            ):  # fmt: skip
                kept.copy_(torch.where(better, new, kept))
        self.history.write(self.number, loss=loss, heldout=heldout, raw=raw, averaged=averaged)

    def check(self, step: int) -> None:
        """Let the guard judge the last window of losses."""
        first = (step - 1) // WINDOW * WINDOW + 1
        message = self.guard.check(step, self.history.losses(first, step))
        self.image_step = step if message is None else self.guard.good_step
        if message is not None:
            self.events.append(FitEvent(step, message))
        if self.guard.exhausted and self.image_step == 0:
            raise FitDiverged(f"the fit failed from its first steps on: {message}; use another architecture or image")

    def progress(self, step: int) -> FitProgress:
        """Return where the fit is."""
        return FitProgress(step, self.config.steps, *self.history.latest())

    def result(self, seconds: float) -> FitResult:
        """Collect the images and curves."""
        if self.image_step == 0:
            raise FitDiverged(f"the fit failed at once: {self.events[-1].message}; use more steps or another seed")
        curves = self.history.curves()
        error = self._heldout_error()
        heldout = None if error is None else float(error) * self.stretch.scale**2
        has_oracle = self.clean is not None and int(self.oracle_step) > 0
        return FitResult(
            averaged=self._array(self.average),
            last=self._array(self.last),
            oracle=self._array(self.oracle) if has_oracle else None,
            oracle_step=int(self.oracle_step) if has_oracle else None,
            curves=curves,
            bands=BandCurve(
                np.array([s for s, _ in self.bands]), np.array([b for _, b in self.bands]).reshape(-1, BANDS)
            ),
            events=tuple(self.events),
            image_step=self.image_step,
            seed=self.seed,
            seconds=seconds,
            psnr_averaged=self._psnr(self.average),
            psnr_last=self._psnr(self.last),
            heldout_psnr=heldout if heldout is None else -10 * math.log10(heldout),
            estimated_psnr=self._estimated_psnr(heldout),
        )

    def _tensor(self, image: np.ndarray) -> Tensor:
        padded = pad_reflect(image.astype(np.float32), self.padding)
        return torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)[None])).to(self.device)

    def _array(self, tensor: Tensor) -> np.ndarray:
        image = tensor[0].permute(1, 2, 0).cpu().numpy()
        return self.stretch.invert(crop(image, self.padding)).astype(np.float32)

    def _input(self) -> Tensor:
        shape = (1, self.config.input_channels, *self.noisy.shape[2:])
        z = torch.rand(shape, generator=torch.Generator().manual_seed(derive_seed(self.seed, 1)))
        return (self.config.input_scale * z).to(self.device, memory_format=torch.channels_last)

    def _split_pixels(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the weights (1, 1, H, W) of the pixels in the loss and of those held out; both average to a mean.

        Reflected copies of a held-out pixel are held out with it. They do not count in the held-out error.
        """
        if self.config.heldout == 0:
            return None, None
        height, width = self.observation.pixels.shape[:2]
        rng = np.random.default_rng(derive_seed(self.seed, 3))
        out = np.zeros(height * width, dtype=bool)
        out[rng.choice(out.size, max(1, round(self.config.heldout * out.size)), replace=False)] = True
        image = out.reshape(height, width, 1)
        kept = 1 - self._tensor(image)
        border = [(self.padding.top, self.padding.bottom), (self.padding.left, self.padding.right), (0, 0)]
        heldout = torch.from_numpy(np.pad(image, border).astype(np.float32).transpose(2, 0, 1)[None]).to(self.device)
        return kept / kept.mean(), heldout / heldout.mean()

    def _clean_error(self, image: Tensor) -> Tensor:
        """Return the mean squared error of the real (not padded) pixels against the clean image."""
        assert self.clean is not None
        return crop_tensor(image - self.clean, self.padding).square().mean()

    def _psnr(self, image: Tensor) -> float | None:
        if self.clean is None:
            return None
        return float(-10 * torch.log10(self._clean_error(image) * self.stretch.scale**2))

    def _heldout_error(self) -> Tensor | None:
        """Return the mean squared error of the averaged output on the held-out pixels."""
        if self.heldout is None:
            return None
        return ((self.observation.operator(self.average) - self.noisy).square() * self.heldout).mean()

    def _estimated_psnr(self, heldout: float | None) -> float | None:
        """Return the PSNR that a held-out error tells of the clean image; None where the noise hides it."""
        if heldout is None or self.observation.sigma is None:
            return None
        variance = (self.observation.sigma / 255) ** 2
        # Below a twentieth of the noise the difference of two estimates is chance.
        return -10 * math.log10(heldout - variance) if heldout > 1.05 * variance else None


def crop_tensor(image: Tensor, padding: Padding) -> Tensor:
    """Cut the padding off a tensor (..., H, W)."""
    height, width = image.shape[-2:]
    return image[..., padding.top : height - padding.bottom, padding.left : width - padding.right]
