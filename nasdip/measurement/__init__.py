"""What was measured: y = H x + n. The pixels, the operator H, the noise n; finding the noise, and drawing it.

`measure` makes a `Measurement` of an array: it finds level and kind of the noise (`diagnosis`, `impulses`). Noise
levels are in 8-bit units.
"""
