"""NAS-DIP's network: every shared link evaluated once, sums before links that are linear, several maps in one call."""

from typing import Any

import torch
from torch import Tensor, nn

from nasdip.network.fast.cell import ExactCell, is_linear
from nasdip.network.fast.layers import conv_block, convolve, norm_conv_chain
from nasdip.network.fast.sums import total
from nasdip.network.plain.blocks import Block
from nasdip.network.plain.cross_skip import CrossSkipNetwork, link_name
from nasdip.space.architecture import CrossSkipArchitecture

# Sources (0 = the input, s = encoder s) whose maps are added up where they rise to a finer level.
Group = frozenset[int]


class ExactCrossSkip(nn.Module):
    """Computes the same as `plain`, with its parameters."""

    def __init__(self, plain: CrossSkipNetwork) -> None:
        super().__init__()
        self.plain = plain
        self._architecture = architecture = plain.architecture
        self._rises = plan_rises(architecture)
        self._main = {level: self._cell(f"up{level}") for level in range(1, architecture.depth + 1)}
        self._links = {level: self._cell(link_name(level + 1, level)) for level in self._rises}

    def forward(self, z: Tensor) -> Tensor:
        """Map the input z (N, in, H, W) to an image (N, out, H, W); H and W are multiples of 2**depth."""
        depth = self._architecture.depth
        sources = [z]
        for level in range(1, depth + 1):
            sources.append(conv_block(sources[-1], self._block(f"enc{level}")))
        fallen: dict[tuple[int, int], Tensor] = {}
        risen: dict[Group, Tensor] = {}
        x = sources[depth]
        for level in range(depth, 0, -1):
            cell = self._main[level]
            terms = [cell.inner(cell.reduce(x))]
            if level == 1 and self._rises.get(level):
                terms.append(self._links[level].summed(*self._entering(level, sources, risen), len(z)))
            elif self._rises.get(level):
                groups = self._rises[level]
                inner = self._links[level].inner(*self._entering(level, sources, risen))
                risen = dict(zip(groups, inner.chunk(len(groups)), strict=True))
                wanted = group_of(self._architecture, level, level)
                terms += [risen[wanted]] if wanted in risen else [risen[frozenset({s})] for s in sorted(wanted)]
            x = cell.assemble(total(terms))
            beside = [s for s in range(level) if self._architecture.has_skip(level, s)]
            x = total([x, *(self._fall(s, level, sources, fallen) for s in beside)])
            x = norm_conv_chain(x, list(self._block(f"dec{level}").op))
        output: Any = self.plain.output.op
        return torch.sigmoid(convolve(x, output[0]))

    def _entering(self, level: int, sources: list[Tensor], before: dict[Group, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Return the maps that the groups which rise to `level` begin with, and how many biases each is to get more.

        `before` are the groups that have risen to the coarser level.
        """
        groups = self._rises[level]
        maps = [self._begin(group, level, sources, before) for group in groups]
        more = None
        if any(len(group) > 1 for group in groups):
            # Filled on the device: a copy from the CPU could not be recorded in a CUDA graph.
            more = torch.cat([maps[0].new_full((len(maps[0]), 1, 1, 1), len(group) - 1.0) for group in groups])
        return torch.cat(maps) if len(maps) > 1 else maps[0], more

    def _begin(self, group: Group, level: int, sources: list[Tensor], before: dict[Group, Tensor]) -> Tensor:
        """Return the sum of a group's maps at the level below `level`, reduced."""
        cell = self._links[level]
        own, risen = group & {level}, group - {level}
        terms = [cell.reduce(sources[level])] if own else []
        if risen:
            coarser = self._links[level + 1]
            u = before[risen]
            if cell.moves_pixels:
                terms.append(coarser.assemble(cell.reduce(u, cell.copies)))
            else:
                terms.append(cell.reduce(coarser.assemble(u)))
        return total(terms)

    def _fall(self, source: int, level: int, sources: list[Tensor], fallen: dict[tuple[int, int], Tensor]) -> Tensor:
        """Return the map of a source of the same or a finer level at `level`."""
        own = source + 1
        if own == level:
            return conv_block(sources[source], self._block(f"skip{level}"))
        if (source, level) not in fallen:
            finer = sources[source] if own == level - 1 else self._fall(source, level - 1, sources, fallen)
            fallen[source, level] = conv_block(finer, self._block(link_name(level - 1, level)))
        return fallen[source, level]

    def _cell(self, name: str) -> ExactCell:
        return ExactCell(self._block(name), self._architecture.cell)

    def _block(self, name: str) -> Block:
        block = self.plain.get_submodule(name)
        assert isinstance(block, Block)
        return block


def group_of(architecture: CrossSkipArchitecture, level: int, above: int) -> Group:
    """Return the coarser sources of decoder `level` that come from beyond level `above`."""
    return frozenset(s for s in range(above, architecture.depth) if architecture.has_skip(level, s))


def plan_rises(architecture: CrossSkipArchitecture) -> dict[int, list[Group]]:
    """Return which groups of sources rise to each level: every source for itself, or sums where that takes less.

    Only links without an activation may be applied to a sum.
    """
    alone, sums = {}, {}
    for level in range(1, architecture.depth):
        groups = [group_of(architecture, finer, level) for finer in range(1, level + 1)]
        alone[level] = [frozenset({s}) for s in sorted(frozenset().union(*groups))]
        sums[level] = list(dict.fromkeys(group for group in groups if group))

    def cost(plan: dict[int, list[Group]]) -> float:
        return sum(len(groups) / 4**level for level, groups in plan.items())

    plan = sums if is_linear(architecture.cell) and cost(sums) < cost(alone) else alone
    return {level: groups for level, groups in plan.items() if groups}
