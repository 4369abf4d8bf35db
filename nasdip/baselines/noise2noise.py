"""The Noise2Noise U-Nets of the student reports: report A's with 48 channels, report B's with half of them."""

import torch
from torch import Tensor, nn

_SLOPE = 0.1  # of LeakyReLU, as in Noise2Noise
_LEVELS = 5


class _UNet(nn.Module):
    """What both have in common.

    Parameters
    ----------
    encoder : list of Module
        Before each max-pooling.
    bottleneck, output : Module
        Between encoder and decoder, and at the end.
    upsampled, decoder : list of Module
        After each upsampling, and after each concatenation.
    """

    def __init__(
        self,
        encoder: list[nn.Module],
        bottleneck: nn.Module,
        upsampled: list[nn.Module],
        decoder: list[nn.Module],
        output: nn.Module,
    ) -> None:
        super().__init__()
        self.encoder, self.bottleneck = nn.ModuleList(encoder), bottleneck
        self.upsampled, self.decoder = nn.ModuleList(upsampled), nn.ModuleList(decoder)
        self.output = output

    def forward(self, x: Tensor) -> Tensor:
        """Return the denoised batch."""
        maps = [x]
        for level in self.encoder:
            maps.append(nn.functional.max_pool2d(level(maps[-1]), 2))
        y = self.bottleneck(maps.pop())
        for upsampled, level in zip(self.upsampled, self.decoder, strict=True):
            larger = nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")
            y = level(torch.cat((upsampled(larger), maps.pop()), dim=1))
        result: Tensor = self.output(y)
        return result


class NoiseToNoise(_UNet):
    """Report A's U-Net (its Table 1): batches (N, 3, H, W) to the same shape, values 0 and above.

    Encoder: seven convolutions of 48 channels, the last five of those before the bottleneck followed by max-pooling.
    Each level of the decoder: nearest upsampling, a transposed convolution, concatenation with the pooled map of that
    size (the input at the end), and two convolutions. All are 3x3, "same", with batch normalisation and LeakyReLU 0.1;
    ReLU after the last.

    H and W are multiples of 32. Trained on 32x32 px, the bottleneck has seen maps of one pixel alone: larger images
    are to be denoised in crops of the size it was trained with (`nasdip.baselines.denoiser`).

    References
    ----------
    J. Lehtinen et al., Noise2Noise: learning image restoration without clean data, ICML 2018.
    """

    def __init__(self) -> None:
        # Channels before, after the transposed convolution, of what is concatenated, after the two convolutions.
        plan = ((48, 96, 48, 96), (96, 96, 48, 96), (96, 96, 48, 96), (96, 96, 48, 64), (64, 61, 3, 32))
        super().__init__(
            [nn.Sequential(_block(3, 48), _block(48, 48)), *(_block(48, 48) for _ in range(_LEVELS - 1))],
            _block(48, 48),
            [_block(before, up, transposed=True) for before, up, _, _ in plan],
            [nn.Sequential(_block(up + other, after), _block(after, after)) for _, up, other, after in plan],
            nn.Sequential(nn.Conv2d(32, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()),
        )


class NoiseToNoiseHalf(_UNet):
    """Report B's U-Net (its Table I): half the channels; batches (N, 3, H, W) to the same shape, values in (0, 1).

    Encoder: seven convolutions of 24 channels with five max-poolings. Each level of the decoder: nearest upsampling,
    concatenation with the pooled map of that size (the input at the end), two convolutions. All are 3x3, "same", with
    LeakyReLU 0.1 and without normalisation; a sigmoid after the last. H and W as for `NoiseToNoise`.
    """

    def __init__(self) -> None:
        plan = ((24, 24, 48, 48), (48, 24, 48, 48), (48, 24, 48, 48), (48, 24, 48, 48), (48, 3, 32, 16))
        super().__init__(
            [nn.Sequential(_plain(3, 24), _plain(24, 24)), *(_plain(24, 24) for _ in range(_LEVELS - 1))],
            _plain(24, 24),
            [nn.Identity() for _ in plan],
            [nn.Sequential(_plain(before + other, one), _plain(one, two)) for before, other, one, two in plan],
            nn.Sequential(nn.Conv2d(16, 3, 3, padding=1), nn.Sigmoid()),
        )


def _block(channels: int, after: int, *, transposed: bool = False) -> nn.Sequential:
    convolution = (nn.ConvTranspose2d if transposed else nn.Conv2d)(channels, after, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.LeakyReLU(_SLOPE, inplace=True))


def _plain(channels: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, after, 3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, a=_SLOPE)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return nn.Sequential(convolution, nn.LeakyReLU(_SLOPE, inplace=True))
