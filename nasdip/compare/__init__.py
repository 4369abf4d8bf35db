"""Several methods on one noisy picture: one table, one figure.

What it is for: `nasdip compare`. Each method (`methods`) runs in a process of its own (`process`, inside it `worker`,
which makes a `runner` of it), so that its memory is its own and its death only its own; its images are in a folder
(`folder`) as soon as it ends. The numbers (`numbers`) are made of those images, for all methods alike, and go to a
table (`table`) and a figure (`panels`, `figure`).

Only `estimate`, `prior_runner` and the functions of `runner` need torch; the table does not.

How to add a method: enter it in `methods`, and make a `Runner` of it in `runner`.
"""
