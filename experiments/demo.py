"""The whole flow on one picture, in minutes on two processor cores: noise, search, restoration, report.

The picture is a 128x128 px piece (the face) of the astronaut that scikit-image ships, at full resolution: a whole
512x512 fit would take an hour. Trials are judged without the clean picture, which only measures.

    python experiments/demo.py
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.io.image_file import write_image

RUN = Path("runs/demo")


def main() -> None:
    start = time.monotonic()
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    clean, noisy = RUN / "astronaut.png", RUN / "astronaut_noisy.png"
    write_image(clean, img_as_float32(astronaut()[40:168, 160:288]))
    nasdip("noise", clean, "--sigma", 25, "--seed", 0, "-o", noisy)
    nasdip(
        "search", noisy, "--clean", clean, "--reward", "estimate", "-o", RUN, "--trials", 28, "--crop", 64,
        "--width", 32, "--steps", 400, "--repeats", 2,
    )  # fmt: skip
    print(f"the demo took {time.monotonic() - start:.0f} s; now open {RUN / 'report.html'}")


def nasdip(*arguments: object) -> None:
    command = [str(argument) for argument in arguments]
    print("$ nasdip", *command, flush=True)
    subprocess.run([sys.executable, "-m", "nasdip", *command], check=True)


if __name__ == "__main__":
    main()
