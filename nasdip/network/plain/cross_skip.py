"""The NAS-DIP network: a U-Net whose decoder levels sum an upsampled map and skips from any level."""

from torch import Tensor, nn

from nasdip.network.plain.blocks import Block, conv, conv_norm_act, decoder, encoder, upsampling
from nasdip.space.architecture import CrossSkipArchitecture


class CrossSkipNetwork(nn.Module):
    """NAS-DIP's encoder-decoder (Chen et al., ECCV 2020): (N, in, H, W) -> (N, out, H, W) in [0, 1].

    Decoder level L (1 = finest) normalises and convolves

        up_L(dec_{L+1}) + sum over selected sources s of link_{s->L}(s)

    (up_D(enc_D) at the deepest), where link is the 1x1 `skip_L` for the source of the same resolution, the chain
    of `skip_down`s for a finer source and the chain of `skip_up`s for a coarser one. The links of one transition are
    shared by all chains, so every partial chain is evaluated once. Only links that some path uses exist. Modules are
    named as in the published weights.
    """

    def __init__(self, architecture: CrossSkipArchitecture, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.architecture = architecture
        depth = architecture.depth
        source_channels = [in_channels] + [width] * depth
        for level in range(1, depth + 1):
            self.add_module(f"enc{level}", encoder(source_channels[level - 1], width))
            self.add_module(f"up{level}", upsampling(architecture.cell, width))
            self.add_module(f"dec{level}", decoder(width))
        for name in self._used_links():
            level = int(name.split("_")[-1]) if "_" in name else int(name.removeprefix("skip"))
            if name.startswith("skip_up"):
                self.add_module(name, upsampling(architecture.cell, width))
            elif name.startswith("skip_down"):
                # The first link of the chain from the input changes its channels; later ones are shared.
                n_in = in_channels if level == 2 else width
                self.add_module(name, Block(*conv_norm_act(n_in, width, 3, 2)))
            else:
                self.add_module(name, Block(*conv_norm_act(source_channels[level - 1], width, 1)))
        self.output = Block(conv(width, out_channels, 1), nn.Sigmoid())

    def forward(self, z: Tensor) -> Tensor:
        """Map the input z (N, in, H, W) to an image (N, out, H, W); H and W are multiples of 2**depth."""
        depth = self.architecture.depth
        sources = [z]
        for level in range(1, depth + 1):
            sources.append(self.get_submodule(f"enc{level}")(sources[-1]))
        chains: dict[tuple[int, int], Tensor] = {}
        x = sources[depth]
        for level in range(depth, 0, -1):
            x = self.get_submodule(f"up{level}")(x)
            for source in range(depth):
                if not self.architecture.has_skip(level, source):
                    continue
                if level == source + 1:
                    x = x + self.get_submodule(f"skip{level}")(sources[source])
                else:
                    x = x + self._chain(source, level, sources, chains)
            x = self.get_submodule(f"dec{level}")(x)
        return self.output(x)

    def _chain(self, source: int, level: int, sources: list[Tensor], chains: dict[tuple[int, int], Tensor]) -> Tensor:
        """Return `source` at the resolution of decoder `level`; `chains` keeps every partial chain."""
        own = source + 1
        if level == own:
            return sources[source]
        if (source, level) not in chains:
            nearer = level + 1 if level < own else level - 1
            x = self._chain(source, nearer, sources, chains)
            chains[source, level] = self.get_submodule(link_name(nearer, level))(x)
        return chains[source, level]

    def _used_links(self) -> list[str]:
        names: dict[str, None] = {}
        depth = self.architecture.depth
        for level in range(1, depth + 1):
            for source in range(depth):
                if self.architecture.has_skip(level, source):
                    own = source + 1
                    step = 1 if level > own else -1
                    chain = [link_name(m, m + step) for m in range(own, level, step)] or [f"skip{level}"]
                    names.update(dict.fromkeys(chain))
        return list(names)


def link_name(from_level: int, to_level: int) -> str:
    """Return the module that brings a map from one level to the next."""
    return f"skip_{'down' if to_level > from_level else 'up'}_{from_level}_{to_level}"
