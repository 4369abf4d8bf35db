"""The upsampling cell: how a decoder level doubles its height and width."""

import re
from dataclasses import dataclass
from functools import cache

from nasdip.errors import NasdipError
from nasdip.space.operations import OPERATIONS, find_operation

KERNELS = (1, 3, 5, 7)
MOST_KERNEL, MOST_DILATION = 31, 16
_TOKEN = re.compile(r"([a-z]+(?:-[a-z]+)*?)(?:(\d+)(?:d(\d+))?)?")


@dataclass(frozen=True)
class UpsamplingCell:
    """An upsampling cell of NAS-DIP (Chen et al., ECCV 2020): five choices, in one canonical form.

    The activation follows both the spatial and the channel operation. A choice that changes nothing is set to its
    canonical value: the kernel of an identity to 1, the dilation of a 1x1 kernel to 1.

    Parameters
    ----------
    spatial : str
        bilinear, bicubic, nearest, pixel-shuffle, pixel-shuffle-last (after the channel operation) or transposed.
    channel : str
        conv, transposed-conv (stride 1), split-sum (4 groups of channels are summed, then convolved), separable,
        depthwise or identity.
    kernel : int
        Odd kernel size in pixels; larger = smoother and dearer.
    dilation : int
        Dilation rate of that kernel, at least 1.
    activation : str
        none, relu, leaky-relu (slope 0.2), selu or prelu.

    Raises
    ------
    NasdipError
        For an unknown operation, or a combination that cannot be built.

    Examples
    --------
    >>> cell = UpsamplingCell.from_text("nearest+split-sum5+leaky-relu")
    >>> cell.spatial, cell.channel, cell.kernel, cell.activation
    ('nearest', 'split-sum', 5, 'leaky-relu')
    >>> str(UpsamplingCell("bilinear", "identity", kernel=7))
    'bilinear'
    """

    spatial: str
    channel: str = "identity"
    kernel: int = 1
    dilation: int = 1
    activation: str = "none"

    def __post_init__(self) -> None:
        spatial = find_operation(self.spatial, "spatial")
        channel = find_operation(self.channel, "channel")
        find_operation(self.activation, "activation")
        if spatial.partners is not None and self.channel not in spatial.partners:
            allowed = ", ".join(sorted(spatial.partners))
            raise NasdipError(f"{self.spatial} cannot be combined with {self.channel}: use {allowed}")
        if not _is_whole(self.kernel, MOST_KERNEL) or self.kernel % 2 == 0:
            raise NasdipError(f"kernel size {self.kernel} is not an odd positive number: use one of 1, 3, 5, 7")
        if not _is_whole(self.dilation, MOST_DILATION):
            raise NasdipError(f"dilation {self.dilation} is out of range: use 1, 2 or 3")
        if not (spatial.has_kernel or channel.has_kernel):
            object.__setattr__(self, "kernel", 1)
        if self.kernel == 1:
            object.__setattr__(self, "dilation", 1)

    @property
    def channel_first(self) -> bool:
        """Whether the channel operation comes before the spatial one."""
        return OPERATIONS[self.spatial].channel_first

    def __str__(self) -> str:
        size = f"{self.kernel}" + (f"d{self.dilation}" if self.dilation > 1 else "")
        spatial = self.spatial.removesuffix("-last") + (size if OPERATIONS[self.spatial].has_kernel else "")
        channel = self.channel + (size if OPERATIONS[self.channel].has_kernel else "")
        parts = [channel, spatial] if self.channel_first else [spatial, channel]
        return "+".join(p for p in [*parts, self.activation] if p not in ("identity", "none"))

    @classmethod
    def from_text(cls, text: str) -> "UpsamplingCell":
        """Parse the text form: operations joined by '+', a kernel size and d<dilation> behind the name."""
        choices: dict[str, str] = {}
        size: tuple[int, int] = (1, 1)
        for token in text.split("+"):
            match = _TOKEN.fullmatch(token)
            operation = OPERATIONS.get(match[1]) if match else None
            if match is None or operation is None:
                known = ", ".join(name for name in OPERATIONS if not name.endswith("-last"))
                raise NasdipError(f"unknown operation '{token}' in the cell '{text}': use {known}")
            if operation.role in choices:
                raise NasdipError(f"two {operation.role} operations in the cell '{text}': give one")
            if operation.has_kernel != (match[2] is not None):
                need = "needs a kernel size, like" if operation.has_kernel else "takes no kernel size; write"
                raise NasdipError(f"'{token}' {need} {operation.name}{'3' if operation.has_kernel else ''}")
            name = operation.name
            if operation.role == "spatial" and "channel" in choices and not operation.channel_first:
                name += "-last"
            choices[operation.role] = name
            if match[2]:
                size = int(match[2]), int(match[3] or 1)
        if "spatial" not in choices:
            raise NasdipError(f"the cell '{text}' has no spatial operation: begin with bilinear, nearest, ...")
        return cls(
            spatial=choices["spatial"],
            channel=choices.get("channel", "identity"),
            kernel=size[0],
            dilation=size[1],
            activation=choices.get("activation", "none"),
        )


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def published_cell(index: int) -> UpsamplingCell:
    """Return the cell which has that `index` (0-323) in the published NAS-DIP code's numbering.

    Blocks of 63 for bilinear, bicubic, nearest and pixel shuffle (5 channel operations x 4 kernels x 3 activations,
    activation fastest, then identity x 3 activations); 60 for pixel shuffle last; 12 transposed convolutions.
    27 of the 324 cannot be built: 249-251 shuffle without a channel operation, 24 pair a shuffle with a depth-wise
    convolution. NasdipError for those and for indices out of range.
    """
    if not 0 <= index <= 323:
        raise NasdipError(f"published cell index {index} is out of range: use 0 to 323")
    spatial = ("bilinear", "bicubic", "nearest", "pixel-shuffle", "pixel-shuffle-last", "transposed")
    channels = ("conv", "transposed-conv", "split-sum", "separable", "depthwise", "identity")
    block, rest = (index // 63, index % 63) if index < 252 else (4, index - 252) if index < 312 else (5, index - 312)
    channel = "identity" if block == 5 else channels[rest // 12]
    activation = ("none", "relu", "leaky-relu")[rest % 3]
    try:
        return UpsamplingCell(spatial[block], channel, KERNELS[rest // 3 % 4], activation=activation)
    except NasdipError as error:
        raise NasdipError(f"published cell {index} cannot be built: {error}") from None


def published_index(cell: UpsamplingCell) -> int | None:
    """Return the smallest published index of `cell`, or None where the published space does not have it."""
    return _published_table().get(cell)


@cache
def _published_table() -> dict[UpsamplingCell, int]:
    table: dict[UpsamplingCell, int] = {}
    for index in range(324):
        try:
            table.setdefault(published_cell(index), index)
        except NasdipError:
            continue
    return table
