"""`nasdip inspect`."""

import json
from collections.abc import Sequence
from pathlib import Path

from nasdip.inspection import Inspection, inspect_measurement
from nasdip.io.image_file import ImageFile, read_image
from nasdip.io.inputs import channels_last, describe
from nasdip.io.mask_file import MaskFile
from nasdip.measurement.measure import measurement_of
from nasdip.options.restore import RestoreOptions
from nasdip.report.text.cautions import lossy_words
from nasdip.report.text.noise import counts_words, fractions_words, invalid_words


def inspect_files(
    images: Sequence[Path],
    options: RestoreOptions,
    *,
    holes: MaskFile | None,
    nodata: Sequence[float] = (),
    as_json: bool = False,
) -> None:
    """Print what each picture is, what noise it holds, and what `nasdip restore` would do; a JSON object a line."""
    for path in images:
        file = read_image(path, nodata=nodata)
        known = None if holes is None else holes.known(file)
        measurement = measurement_of(channels_last(file), options.sigma, known, file.invalid)
        found = inspect_measurement(measurement, file.invalid, options)
        print(json.dumps(_to_json(file, found)) if as_json else _words(file, found))


def _to_json(file: ImageFile, found: Inspection) -> dict[str, object]:
    tags = [name for name, value in vars(file.tags).items() if value]
    about = {"path": str(file.path), "format": file.format, "type": str(file.dtype), "axes": file.axes, "tags": tags}
    return {**about, **found.to_json(file.scale)}


def _words(file: ImageFile, found: Inspection) -> str:
    first, *others = found.words.split("\n")
    beside = f"{counts_words(found.noise, file)}{invalid_words(file)}{fractions_words(found.noise, file)}"
    lossy = lossy_words(file.path, given=found.noise.given)
    told = [f"{describe(file)}. {first}{beside}", *([lossy] if lossy else []), *others]
    return "\n".join(told)
