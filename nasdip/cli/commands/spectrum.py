"""`nasdip spectrum`."""

from pathlib import Path

import numpy as np

from nasdip.files import make_folder, write_csv
from nasdip.imaging.spectrum import band_correspondence, log_spectrum, radial_psd
from nasdip.imaging.whiteness import whiteness
from nasdip.io.image_file import read_image
from nasdip.io.inputs import channels_last, read_clean
from nasdip.report.charts import spectrum_range
from nasdip.report.figures.spectra import psd_figure, spectra_figure
from nasdip.report.figures.theme import save_png
from nasdip.report.numbers.restoration import LabelledPSD


def write_spectra(images: list[Path], clean: Path | None, output: Path) -> list[Path]:
    """Write pictures and tables of the images' Fourier spectra to the folder `output`; return the files.

    spectra.png: log-magnitude spectra; radial_psd.png and .csv: radial power; with a clean image bands.csv: each
    image's frequency-band correspondence with it, and the whiteness of its difference from it.
    """
    files = [read_image(path) for path in images]
    cleans = [read_clean(clean, file) for file in files]
    named = {str(file.path): channels_last(file) for file in files}
    if clean is not None and cleans[0] is not None:
        named["clean"] = cleans[0]
    make_folder(output)
    panels = [(name, log_spectrum(pixels)) for name, pixels in named.items()]
    densities = [LabelledPSD(name, radial_psd(pixels)) for name, pixels in named.items()]
    save_png(spectra_figure(panels, *spectrum_range(panels)), output / "spectra.png")
    save_png(psd_figure(densities), output / "radial_psd.png")
    rows = [(name, f"{f:.6g}", f"{p:.6g}") for name, psd in densities for f, p in zip(*psd, strict=True)]
    write_csv(output / "radial_psd.csv", ("image", "cycles_per_pixel", "power"), rows)
    written = [output / name for name in ("spectra.png", "radial_psd.png", "radial_psd.csv")]
    if clean is not None:
        header = ("image", *(f"band{i}" for i in range(1, 6)), "difference_is_white", "whiteness_statistic")
        write_csv(
            output / "bands.csv", header, [_compare(named[str(f.path)], named["clean"], str(f.path)) for f in files]
        )
        written.append(output / "bands.csv")
    return written


def _compare(image: np.ndarray, clean: np.ndarray, name: str) -> tuple[str, ...]:
    bands = tuple(f"{value:.4f}" for value in band_correspondence(image, clean))
    if np.array_equal(image, clean):
        return name, *bands, "", ""
    test = whiteness(image - clean)
    return name, *bands, str(test.is_white).lower(), f"{test.statistic:.4f}"
