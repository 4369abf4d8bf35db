"""Sums of maps that keep them channels-last: reductions by torch's `sum` do not, and then take many times as long."""

from collections.abc import Sequence

from torch import Tensor


def total(terms: Sequence[Tensor]) -> Tensor:
    """Return the sum of maps, in one new map (or the map itself where it is alone)."""
    if len(terms) == 1:
        return terms[0]
    result = terms[0] + terms[1]
    for term in terms[2:]:
        result.add_(term)
    return result


def sum_of_groups(x: Tensor, groups: int, copies: int = 1) -> Tensor:
    """Return the sums (N, copies * C, H, W) of the channel groups of each copy in x (N, copies * groups * C, H, W)."""
    if copies == 1:
        return total(x.chunk(groups, dim=1))
    parts = x.permute(0, 2, 3, 1).unflatten(3, (copies, groups, -1)).unbind(4)
    return total(parts).flatten(3).permute(0, 3, 1, 2)
