"""One working range for all tiles of an image."""

from torch import Tensor, nn

from nasdip.imaging.intensity import Stretch
from nasdip.network.exact import rewrite


class InUnits(nn.Module):
    """A network whose outputs, working units of `own`, are given in those of `wanted`.

    A fit maps its observation to a working range. That of a dim tile is narrow, so that the noise in it would be large,
    and be fitted sooner than elsewhere. Inside this module a network makes intensities of the whole image's range,
    whatever the range in which the fit compares them.
    """

    def __init__(self, network: nn.Module, own: Stretch, wanted: Stretch) -> None:
        super().__init__()
        self.network = network
        self.exact = rewrite(network)  # the loop rewrites what it knows, which this module is not
        self.gain = own.scale / wanted.scale
        self.shift = (own.offset - wanted.offset) / wanted.scale

    def forward(self, z: Tensor) -> Tensor:
        """Map the input z (N, in, H, W) to an image (N, out, H, W) float32."""
        return self.shift + self.gain * self.exact(z).float()


def in_units(network: nn.Module, own: Stretch, wanted: Stretch) -> nn.Module:
    """Return the network, or where the two ranges differ, the network as `InUnits`."""
    return network if own == wanted else InUnits(network, own, wanted)
