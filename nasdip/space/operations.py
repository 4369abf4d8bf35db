"""The names of the operations that an upsampling cell is made of, and what a search must know of each."""

from dataclasses import dataclass
from typing import Literal

from nasdip.errors import NasdipError

Role = Literal["spatial", "channel", "activation"]


@dataclass(frozen=True)
class Operation:
    """One operation of an upsampling cell.

    Parameters
    ----------
    name : str
        Lower-case letters and dashes; digits are kept for kernel sizes in the text form.
    role : {"spatial", "channel", "activation"}
        Spatial operations double height and width, channel operations mix channels.
    has_kernel : bool
        Whether kernel size and dilation change it.
    channel_first : bool
        For spatial operations: the channel operation comes before it and quadruples the channels.
    partners : frozenset of str, optional
        For spatial operations: the only channel operations that it can be built with; None allows all.
    """

    name: str
    role: Role
    has_kernel: bool = False
    channel_first: bool = False
    partners: frozenset[str] | None = None


# A shuffled tensor has a quarter of the channels (or needs four times as many), which a depth-wise convolution cannot
# change, and identity cannot either.
_SHUFFLE_PARTNERS = frozenset({"conv", "transposed-conv", "split-sum", "separable"})

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("bilinear", "spatial"),
        Operation("bicubic", "spatial"),
        Operation("nearest", "spatial"),
        Operation("pixel-shuffle", "spatial", partners=_SHUFFLE_PARTNERS),
        Operation("pixel-shuffle-last", "spatial", channel_first=True, partners=_SHUFFLE_PARTNERS),
        Operation("transposed", "spatial", has_kernel=True, partners=frozenset({"identity"})),
        Operation("conv", "channel", has_kernel=True),
        Operation("transposed-conv", "channel", has_kernel=True),
        Operation("split-sum", "channel", has_kernel=True),
        Operation("separable", "channel", has_kernel=True),
        Operation("depthwise", "channel", has_kernel=True),
        Operation("identity", "channel"),
        Operation("none", "activation"),
        Operation("relu", "activation"),
        Operation("leaky-relu", "activation"),
        Operation("selu", "activation"),
        Operation("prelu", "activation"),
    )
}


def find_operation(name: str, role: Role) -> Operation:
    """Return the operation `name` of that `role`; NasdipError names the known ones where there is none."""
    operation = OPERATIONS.get(name)
    if operation is None or operation.role != role:
        known = ", ".join(o.name for o in OPERATIONS.values() if o.role == role)
        raise NasdipError(f"unknown {role} operation '{name}': use one of {known}")
    return operation
