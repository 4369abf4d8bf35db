"""Small restorations for tests."""

import numpy as np
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.measurement.noise_model import NoiseModel
from nasdip.options.fit import FitConfig
from nasdip.options.restore import RestoreOptions
from nasdip.restoration.plan import plan
from nasdip.restoration.run import run_restoration
from nasdip.space.architecture import Architecture

SMALL = Architecture.from_text("bilinear+conv3+leaky-relu:10.01")
STEPS = FitConfig(steps=3)


def picture(size=32):
    clean = img_as_float32(astronaut()[90 : 90 + size, 200 : 200 + size])
    return clean, add_noise(clean, sigma=25, seed=1).astype(np.float32)


def measured(pixels):
    return Measurement(pixels, NoiseModel.white(25.0))


def restore(measurement, folder=None, *, clean=None, refine=False, **options):
    """Restore by fits of a few steps."""
    request = RestoreOptions(architecture=SMALL, width=8, device="cpu", refine=refine, **options)
    return run_restoration(plan(measurement, request, clean=clean, config=STEPS, folder=folder), folder)
