"""`nasdip compare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasdip.baselines.block_matching import LICENCE
from nasdip.compare import methods as kinds
from nasdip.compare.estimate import check_prior, prior_seconds, zero_shot_seconds
from nasdip.compare.folder import FIGURE, MARKDOWN, RESULTS, ComparisonFolder
from nasdip.compare.heldout import heldout_pixels
from nasdip.compare.methods import Method, choose_methods, known_methods
from nasdip.compare.numbers import Row, Scene, make_scene, measure_row, noisy_row
from nasdip.compare.process import run_method
from nasdip.compare.settings import Settings
from nasdip.compare.table import make_table, print_table, write_markdown, write_rows
from nasdip.console import duration, note, progress
from nasdip.errors import NasdipError
from nasdip.fit.device import describe as describe_device
from nasdip.fit.device import find_device
from nasdip.io.image_file import ImageFile, check_output, read_image, write_image
from nasdip.io.inputs import channels_last, describe, read_clean
from nasdip.measurement.measure import measurement_of
from nasdip.measurement.measurement import Measurement
from nasdip.options.restore import parse_sigma
from nasdip.report.figures.methods import comparison_of_methods
from nasdip.report.figures.theme import save_png
from nasdip.report.numbers.panels import make_panels
from nasdip.report.text.cautions import lossy_words
from nasdip.report.text.comparison import table_notes
from nasdip.report.text.noise import noise_words


class _Comparison(NamedTuple):
    """All that was checked."""

    file: ImageFile
    measurement: Measurement
    clean: np.ndarray | None
    chosen: list[Method]
    settings: Settings
    folder: ComparisonFolder


def compare_file(
    image: Path,
    output: Path | None,
    *,
    clean: Path | None,
    methods: str | None,
    models: Path | None,
    steps: int | None,
    width: int | None,
    seed: int,
    sigma: str,
    device: str,
) -> bool:
    """Run each method on an image and compare; return whether any gave a result.

    Everything that can be checked is, before the first one. Results of an earlier start are taken.
    """
    chosen = choose_methods(methods, known_methods(models))
    settings = Settings(steps, width, seed, parse_sigma(sigma), str(find_device(device)))
    file = read_image(image)
    measurement = measurement_of(channels_last(file), settings.sigma)
    noise = measurement.noise
    assert noise is not None  # `measurement_of` finds it
    folder = ComparisonFolder(output or Path("compared") / image.stem)
    comparison = _Comparison(file, measurement, read_clean(clean, file), chosen, settings, folder)
    _check(comparison, clean)
    lossy = lossy_words(image, given=noise.given)
    note("\n".join(filter(None, (f"{describe(file)}. {noise_words(noise)}", lossy, _announcement(comparison)))))
    with folder.locked():
        folder.check(measurement.pixels, settings)
        folder.start(image, measurement.pixels, heldout_pixels(measurement, seed), settings)
        failures = _run(comparison)
        rows = _write(comparison, failures)
    return any(not row.failure for row in rows[1:])


def _check(comparison: _Comparison, clean: Path | None) -> None:
    """Raise NasdipError for what would fail later, or overwrite a picture."""
    file, folder = comparison.file, comparison.folder
    check_output(file.path, file)
    pictures = [_picture(comparison, method.name).name for method in comparison.chosen]
    folder.check_targets([path for path in (file.path, clean) if path is not None], pictures)
    for method in comparison.chosen:
        if method.kind in kinds.FITTED:
            check_prior(method, comparison.settings, comparison.measurement)
    folder.check(comparison.measurement.pixels, comparison.settings)


def _announcement(comparison: _Comparison) -> str:
    """Return what will be run, where, and how long that takes, in words."""
    missing = [method for method in comparison.chosen if not comparison.folder.has(method)]
    done = len(comparison.chosen) - len(missing)
    names = ", ".join(method.name for method in missing) or "nothing"
    lines = [
        f"to run: {names}, on {describe_device(find_device(comparison.settings.device))}{_times(comparison, missing)}"
    ]
    if done:
        lines.append(f"going on with an earlier start, {done} of {len(comparison.chosen)} methods done")
    if any(method.kind == kinds.BM3D for method in comparison.chosen):
        lines.append(LICENCE)
    return "\n".join(lines)


def _times(comparison: _Comparison, missing: Sequence[Method]) -> str:
    told = []
    for method in missing:
        try:
            if method.kind in kinds.FITTED:
                seconds = prior_seconds(method, comparison.settings, comparison.measurement)
                told.append(f"{method.name} at most about {duration(seconds)}")
            elif method.kind == kinds.ZERO_SHOT:
                seconds = zero_shot_seconds(comparison.settings, comparison.measurement)
                told.append(f"{method.name} about {duration(seconds)}")
        except NasdipError as error:  # of memory: its row will say so
            told.append(f"{method.name} may fail ({error})")
    return f"; {', '.join(told)}; others seconds to minutes" if told else ""


def _run(comparison: _Comparison) -> dict[str, str]:
    """Run the methods that are missing, each in a process of its own; return why some failed, by name."""
    folder, chosen, failures = comparison.folder, comparison.chosen, {}
    for number, method in enumerate(chosen, start=1):
        if folder.has(method):
            continue
        try:
            failure = _run_one(folder.path, method, f"{method.name} ({number} of {len(chosen)})")
        except KeyboardInterrupt:
            done = sum(folder.has(other) for other in chosen)
            note(f"{done} of {len(chosen)} methods are in {folder.path}; the same command goes on")
            raise
        if failure:
            folder.discard(method)  # of other weights
            failures[method.name] = failure
            note(f"{method.name} failed: {failure}")
    return failures


def _run_one(path: Path, method: Method, words: str) -> str | None:
    with progress(words, 100) as show:

        def tell(done: int, total: int, told: str) -> None:
            show(min(99, 100 * done // total), told)

        failure = run_method(path, method, tell)
        if failure is None:
            show(100)
        return failure


def _write(comparison: _Comparison, failures: dict[str, str]) -> list[Row]:
    """Measure and write all that is on disk: pictures, tables and the figure; return the rows."""
    folder, results = comparison.folder, {}
    for method in comparison.chosen:
        if method.name not in failures:
            try:
                results[method.name] = folder.read(method.name)
            except NasdipError as error:  # the same command makes it anew
                folder.discard(method)
                failures[method.name] = str(error)
    bayes = results.get("nl-bayes")
    scene = make_scene(
        comparison.measurement, comparison.clean, folder.heldout(), None if bayes is None else bayes.restored
    )
    rows, images = [noisy_row(scene)], {"noisy": scene.noisy}
    for method in comparison.chosen:
        name, picture = method.name, _picture(comparison, method.name)
        if name in failures:
            rows.append(Row(name, failure=failures[name]))
            picture.unlink(missing_ok=True)
            continue
        images[name] = results[name].restored
        rows.append(measure_row(name, results[name], scene))
        write_image(picture, images[name], like=comparison.file)
    if scene.clean is not None:
        images["clean"] = scene.clean
    shown = make_panels(images, rows)
    _write_tables(comparison, rows, scene)
    save_png(comparison_of_methods(shown), folder.path / FIGURE)
    print(folder.path / FIGURE)
    return rows


def _write_tables(comparison: _Comparison, rows: list[Row], scene: Scene) -> None:
    path = comparison.folder.path
    table = make_table(rows, table_notes(comparison.chosen, rows, scene, comparison.measurement))
    write_rows(path / RESULTS, rows)
    write_markdown(path / MARKDOWN, str(comparison.file.path), table)
    print_table(table)


def _picture(comparison: _Comparison, name: str) -> Path:
    return comparison.folder.path / f"{name}{comparison.file.path.suffix}"
