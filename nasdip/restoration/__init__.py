"""Restoring a measurement: from a request to a plan, and from a plan to an image.

`plan.plan` puts together what will be done (`tile_choice`
and `budget` help it), `run.run_restoration` does it: `repetition.fit_repetition` fits a network to the image or to each
of its tiles, `combination.combine` makes one image of all.

To add a stopping rule: see `nasdip.fit.stopping`.
"""
