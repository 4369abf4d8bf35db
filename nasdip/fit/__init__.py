"""Fitting an untrained network to a measurement: the loop, its steps, what stops it, what it costs.

`fit.fit` is the door, `loop.py` the one loop. To add a stopping rule: see `nasdip.fit.stopping`.
"""
