"""Images as arrays, without networks.

What it is for: reading and writing image files with their data type, axes and tags kept; synthetic noise; what noise
an image holds (`measure`, `noise_diagnosis`, `impulses`); an estimate of the clean image by non-local Bayes, and what
to expect of a restored one; padding; intensity ranges; quality metrics; and Fourier diagnostics.

What it may import: numpy, scikit-image, tifffile, Pillow, and from the package `nasdip.errors`, `nasdip.files` alone.
No torch.

How to add to it: one idea per file. Images are float arrays (H, W) or (H, W, C), channels last, nominally in [0, 1];
noise levels are in 8-bit units. A noise kind is one function in `noise.py` and its name in `KINDS`; a file format is
one module with a reader that returns a `StoredImage` and a writer that takes one, entered in `image_file.py`.
"""
