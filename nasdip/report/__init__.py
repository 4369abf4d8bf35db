"""Run folder -> numbers -> figures -> one HTML file.

What it is for: `report.write_report` reads the folder of a search (during the run, after it, or killed) or of a
restoration alone, and writes `report.html`, which needs no other file and no network, and PNG figures beside it.

How to add to it: compute the numbers in a NamedTuple in `numbers/` and test those; draw them in `figures/` with a
function that returns a matplotlib Figure in the colours of `figures/theme.py`; enter it in `charts.py`; show it in
`templates/`.
All prose is in `text/`; every number shown has an entry in `text/glossary.py`.
"""
