"""Images as arrays, without networks: padding, tiles, intensity ranges, quality metrics, spectra, whiteness.

Images are float arrays (H, W) or (H, W, C), channels last, nominally in [0, 1]. How to add to it: one idea per file.
"""
