"""`nasdip noise` and `nasdip spectrum`."""

from pathlib import Path

from nasdip.errors import NasdipError
from nasdip.files import make_folder
from nasdip.imaging.image_file import check_output, read_image, write_image
from nasdip.imaging.noise import add_noise


def add_noise_to_file(image: Path, output: Path | None, *, kind: str, sigma: float | None, amount: float | None,
                      blur: float, seed: int, clip: bool) -> Path:  # fmt: skip
    """Write a noisy version of an image file, in its format; return where."""
    file = read_image(image)
    target = output if output is not None else Path(f"{image.stem}_noisy{image.suffix}")
    if target.resolve() == image.resolve():
        raise NasdipError(f"{image} would be overwritten: choose another file with -o")
    check_output(image.parent / target.name, file)
    noisy = add_noise(file.pixels, kind, sigma=sigma, amount=amount, blur=blur, seed=seed, clip=clip)
    make_folder(target.parent)
    write_image(target, noisy, like=file)
    return target
