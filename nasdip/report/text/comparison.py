"""What must be known to read the table, in words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nasdip.baselines.block_matching import LICENCE
from nasdip.baselines.origin import read_origin
from nasdip.compare.heldout import without
from nasdip.compare.methods import BM3D, FITTED, PRIOR, RESTORE, TRAINED, Method
from nasdip.compare.numbers import Row, Scene, heldout_quality
from nasdip.errors import NasdipError
from nasdip.measurement.kinds import find_kind
from nasdip.measurement.measurement import Measurement


def table_notes(chosen: Sequence[Method], rows: Sequence[Row], scene: Scene, measurement: Measurement) -> list[str]:
    """Return a line for each thing that the numbers do not say themselves."""
    count, kinds = int(scene.heldout.sum()), {method.kind for method in chosen}
    floor, _ = heldout_quality(without(measurement, scene.heldout), scene)
    notes = [
        f"held-out: PSNR against the noisy picture at {count} pixels (the same for all methods, all channels) that "
        "were replaced by the mean of their neighbours in a second run, which seconds and memory do not count. That "
        f"mean itself has {floor:.2f} dB. The noise is in it: differences between methods tell more than the values."
    ]
    if kinds & set(FITTED):
        others = [f"{m.name} is {m.source} of the zoo" for m in chosen if m.kind == PRIOR and m.name != m.source]
        notes.append(
            "Untrained networks are fitted once, without these pixels, where nasdip restore fits all of them: one fit, "
            f"ended by its stopping rule, alone{''.join(f'; {words}' for words in others)}."
        )
    if RESTORE in kinds:
        notes.append(
            "nasdip-restore is what nasdip restore makes of such a fit by default: combined with non-local Bayes, with "
            "what clipping did undone. Its seconds include a second non-local Bayes, which the held-out pixels ask for."
        )
    if TRAINED in kinds:
        seen = "; ".join(_trained(method) for method in chosen if method.kind == TRAINED)
        notes.append(f"Trained networks: {seen}. Where this picture is one of those, their figures say little.")
    notes.append(_estimated(rows, scene, contradicted=measurement.contradicted))
    notes.append(
        "whiteness: statistic of the residual's cumulative periodogram; smaller = more like white noise alone, "
        f"'white' where it is below the 5 % threshold{_coloured(measurement)}."
    )
    notes.append(
        "memory: what restoring added at its peak to a process of its own, which held its libraries and the picture."
    )
    if BM3D in kinds:
        notes.append(f"{LICENCE}.")
    return notes


def _trained(method: Method) -> str:
    """Return what a trained network has seen."""
    try:
        origin = read_origin(Path(method.source))
    except NasdipError as error:  # its row says so too
        return f"{method.name}: {error}"
    level = "an unknown level" if origin.sigma is None else f"sigma {origin.sigma:.1f}"
    noise = f"{origin.noise} noise" if origin.noise else f"Gaussian noise of {level}"
    return f"{method.name}: {origin.baseline}, {noise}, crops of {origin.pictures or 'unknown'} pictures"


def _estimated(rows: Sequence[Row], scene: Scene, *, contradicted: bool) -> str:
    if scene.variance is None:
        why = "the picture contradicts the noise level that was given" if contradicted else "the noise's level is"
        return f"estimated: unknown, for {why}."
    level = 255 * float(np.sqrt(np.mean(scene.variance)))
    words = (
        f"estimated: PSNR against the unknown clean pixels there, the noise's variance (level {level:.1f}) taken off"
    )
    tried = [row for row in rows if row.heldout is not None]
    if any(row.estimated is None for row in tried):
        words += "; – where what is left is less than two standard errors, or a twentieth of the noise: chance"
    return f"{words}. It is of pixels that were not seen: with them the error is less."


def _coloured(measurement: Measurement) -> str:
    if find_kind(measurement.kind).is_white:
        return ""
    return "; here the noise itself is not white, so that it tells little"
