"""Exact rewrites: modules that compute the same function as the plain networks, with their parameters, in less time.

`rewrite` is the door. `cross_skip` and `concat_skip` hold the two kinds of networks, `cell` the upsampling cells,
`subpixel` convolutions of doubled pixels, `layers` convolution, normalisation and activation. A new operation needs
nothing here: what is not known is evaluated as it stands.
"""

from torch import nn

from nasdip.network.fast.concat_skip import ExactConcatSkip
from nasdip.network.fast.cross_skip import ExactCrossSkip
from nasdip.network.plain.concat_skip import ConcatSkipNetwork
from nasdip.network.plain.cross_skip import CrossSkipNetwork


def rewrite(network: nn.Module) -> nn.Module:
    """Return a module that computes the same as a network of `build_network`, which keeps the parameters.

    Biases in front of a batch normalisation, which takes them away again, are left out: their gradient, zero but for
    rounding, is None.
    """
    if isinstance(network, CrossSkipNetwork):
        return ExactCrossSkip(network)
    if isinstance(network, ConcatSkipNetwork):
        return ExactConcatSkip(network)
    return network
