"""The file that says which pixels of a picture are missing."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.errors import NasdipError
from nasdip.io.image_file import ImageFile, read_image
from nasdip.io.inputs import channels_last

_BLACK, _WHITE = 0.02, 0.98  # of the range; drawing programs and scans are not quite pure


class MaskFile(NamedTuple):
    """The file of a mask; `white_is_missing` says what its white pixels mean."""

    path: Path
    white_is_missing: bool

    @staticmethod
    def of(mask: Path | None, mask_known: Path | None) -> "MaskFile | None":
        """Return the one that was given; NasdipError where both were."""
        if mask is not None and mask_known is not None:
            raise NasdipError("--mask and --mask-known say the same in two ways: give one of them")
        if mask is not None:
            return MaskFile(mask, True)
        return None if mask_known is None else MaskFile(mask_known, False)

    def known(self, picture: ImageFile) -> np.ndarray:
        """Return where, (H, W) bool, the pixels of a picture are known.

        Raises
        ------
        NasdipError
            Where the mask has another size, is not black and white, or calls all or none of the pixels missing.
        """
        values = channels_last(read_image(self.path))
        size = channels_last(picture).shape[:2]
        if values.shape[:2] != size:
            raise NasdipError(
                f"the mask {self.path} is {values.shape[0]}x{values.shape[1]} px, {picture.path} is "
                f"{size[0]}x{size[1]} px: give one size"
            )
        low, high = values.min(axis=2), values.max(axis=2)
        grey = int(np.count_nonzero((high > _BLACK) & (low < _WHITE)))
        if grey:
            raise NasdipError(
                f"the mask {self.path} is not black and white: {grey} pixels are neither; save it with two colours, "
                "without smoothing, as PNG"
            )
        white = low >= _WHITE
        known = ~white if self.white_is_missing else white
        if known.all() or not known.any():
            which = "none of the pixels" if known.all() else "all pixels"
            other = "--mask-known" if self.white_is_missing else "--mask"
            colour = "white" if self.white_is_missing else "black"
            raise NasdipError(
                f"the mask {self.path} calls {which} missing: missing ones are {colour} (the other way round: {other})"
            )
        return known
