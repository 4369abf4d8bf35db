"""Fitting an untrained network to one observation: the loop, repetitions, estimates of cost, the restoration folder.

Imports imaging, space and network. `fit` is one repetition, `restore_observation` several with derived seeds.
`result.py` and `restoration_folder.py` import no torch, so that reports can read what was written.

To add a stopping rule or an objective, add a file; `loop.py` stays the one loop.
"""
