"""The convolutional network with direct connections of student report C, after Zhao."""

from itertools import pairwise

from torch import Tensor, nn


class DirectConnections(nn.Module):
    """Five convolutions and five transposed ones: batches (N, 3, H, W) to the same shape.

    Kernels 4x4, ReLU between; the convolutions have 64, 128, 128, 256 and 512 channels, the first at full size, the
    others at half of the size before; the transposed ones 256, 128, 64, 64 and 3. The output of each transposed one but
    the last is added to the opposite map of the encoder, by a 1x1 convolution where that has more channels. No dense
    layers, and nothing after the last: values may leave [0, 1]. H and W are multiples of 16.

    The report's own list has kernels as large as the maps (25.6 million parameters); Zhao's are 4x4, and so are these.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(3, 64, 4))
        channels = (64, 128, 128, 256, 512)
        self.encoder = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(channels)
        )
        backwards = (512, 256, 128, 64, 64)
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(backwards)
        )
        self.project = nn.Conv2d(128, 64, 1)  # the map at half size, 128 channels, to the 64 that it is added to
        self.last = nn.ConvTranspose2d(64, 3, 4, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the denoised batch."""
        maps = [self.first(x).relu()]
        for layer in self.encoder:
            maps.append(layer(maps[-1]).relu())
        y = maps.pop()
        maps[1] = self.project(maps[1])
        for layer in self.decoder:
            y = layer(y).relu() + maps.pop()
        result: Tensor = self.last(y)[..., :-1, :-1]  # an even kernel leaves one row and column too many
        return result
