"""Fitting an untrained network to one observation: the loop, repetitions, estimates of cost, the restoration folder.

Imports imaging, space and network. `fit` fits one network, `fit_repetition` one to an image or to each of its tiles
(`tile_choice` says which), `restore_observation` does several with derived seeds.
`result.py` and `restoration_folder.py` import no torch, so that reports can read what was written.

To add a stopping rule or an objective, add a file; `loop.py` stays the one loop.
"""
