"""Matplotlib figures of a report, one function each: numbers in, Figure out, no global state.

Pixels are not tested; the numbers are.

How to add to it: draw with `theme.new_figure` in the colours of `theme.PALETTE` and no others, for these are what
turns into CSS variables in the report, so that a chart looks right on light and dark pages.
"""
