"""Run folder -> numbers -> figures -> one HTML file.

What it is for: `report.write_report` reads the folder of a search (during the run, after it, or killed) or of a
restoration alone, and writes `report.html`, which needs no other file and no network, and PNG figures beside it.

What it may import: imaging (of which `observe` finds the noise once more), space, `nasdip.console`, and the torch-free
modules of prior and search (`nasdip.prior.config`, `result`, `restoration_folder`, `discrepancy`, `quality`;
`nasdip.search.run_folder`, `settings`, `trial_result`, `early_stop`; of `nasdip.search.nni` what reads files, where
that room is there). No torch, no NNI.

How to add to it: compute the numbers in a NamedTuple here and test those; draw them in `figures/` with a function that
returns a matplotlib Figure in the colours of `figures/theme.py`; enter it in `charts.py`; show it in `templates/`.
Every number shown has an entry in `glossary.py`.
"""
