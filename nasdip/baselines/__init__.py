"""The other systems to compare with: trained denoisers, zero-shot Noise2Noise, a framework from scratch, classics.

What it is for: pairs of noisy crops to train with (`pairs`), the networks of the student reports (`noise2noise`,
`direct_connections`, `scratch`), one loop that trains any of them (`training`) into a folder (`model_folder`), and
denoisers that need no training (`zero_shot`, `classical`, `block_matching`).

Nasdip works without this folder.

How to add to it: a denoiser is a function from a noisy image (H, W, C) in [0, 1] to one of that shape. One that is
trained is a `Trainable`, built by an entry of `registry`.
"""
