"""A plain implementation of the published loop (NAS-DIP's denoising notebook): the baseline of the benchmarks.

As published: NCHW float32, a chain of shared links computed anew wherever it is used, a new tensor for every sum, PSNR
by scikit-image on the CPU at every step, a copy of all parameters at every step. The networks are this project's plain
modules, so that a candidate can be given the same weights.
"""

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from nasdip.network.plain.cross_skip import CrossSkipNetwork, link_name

AVERAGE_WEIGHT = 0.99


def published_forward(network: nn.Module, z: Tensor) -> Tensor:
    """Return the network's output for z (N, in, H, W), every chain of shared links computed on its own."""
    if not isinstance(network, CrossSkipNetwork):
        return network(z)
    sources = [z]
    for level in range(1, network.architecture.depth + 1):
        sources.append(network.get_submodule(f"enc{level}")(sources[-1]))
    x = sources[-1]
    for level in range(network.architecture.depth, 0, -1):
        x = network.get_submodule(f"up{level}")(x)
        for source in range(network.architecture.depth):
            if network.architecture.has_skip(level, source):
                x = x + _chain(network, sources[source], source + 1, level)
        x = network.get_submodule(f"dec{level}")(x)
    return network.output(x)


def _chain(network: CrossSkipNetwork, x: Tensor, own: int, level: int) -> Tensor:
    if own == level:
        return network.get_submodule(f"skip{level}")(x)
    step = 1 if level > own else -1
    for at in range(own, level, step):
        x = network.get_submodule(link_name(at, at + step))(x)
    return x


class PublishedLoop:
    """The loop on a noisy and a clean image (H, W, 3) in [0, 1]; `step` returns the raw PSNR (dB) of a step."""

    def __init__(self, network: nn.Module, noisy: np.ndarray, clean: np.ndarray, device: str, seed: int = 0) -> None:
        self._network = network.to(device).train()
        generator = torch.Generator().manual_seed(seed)
        self._saved_input = (0.1 * torch.rand((1, 32, *noisy.shape[:2]), generator=generator)).to(device)
        self._noise = torch.empty_like(self._saved_input)
        self._noisy = torch.from_numpy(np.ascontiguousarray(noisy.transpose(2, 0, 1)[None])).to(device)
        self._noisy_array, self._clean_array = noisy, clean
        self._optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        self._average: Tensor | None = None
        self._last: list[Tensor] = []
        self._last_psnr = 0.0

    def step(self) -> float:
        self._optimizer.zero_grad()
        output = published_forward(self._network, self._saved_input + self._noise.normal_() / 30)
        if self._average is None:
            self._average = output.detach()
        else:
            self._average = self._average * AVERAGE_WEIGHT + output.detach() * (1 - AVERAGE_WEIGHT)
        loss = nn.functional.mse_loss(output, self._noisy)
        loss.backward()
        against_noisy = self._psnr(self._noisy_array, output)
        raw = self._psnr(self._clean_array, output)
        self._psnr(self._clean_array, self._average)
        if against_noisy - self._last_psnr < -5 and self._last:
            with torch.no_grad():
                for parameter, kept in zip(self._network.parameters(), self._last, strict=True):
                    parameter.copy_(kept)
        else:
            self._last = [parameter.detach().cpu().clone() for parameter in self._network.parameters()]
            self._last_psnr = against_noisy
            self._optimizer.step()
        return raw

    @staticmethod
    def _psnr(true: np.ndarray, output: Tensor) -> float:
        image = output.detach().cpu().numpy()[0].transpose(1, 2, 0)
        return float(peak_signal_noise_ratio(true, image, data_range=1.0))
