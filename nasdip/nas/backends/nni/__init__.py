"""NNI orchestrates the search: thin adaptors between its experiments and this project's run folders.

`tuner` (the searchers behind NNI's Tuner), `trial` (the process that evaluates architectures), `assessor` (early
stopping), `setup` (what an experiment's YAML sets), `task` (what trials share), `experiment` (an experiment's files,
read without NNI), `config_check` (refuses what NNI would hang on), `launch` and `guard.cjs` with its parts in `guard/`
(`nasdip nnictl`: NNI's manager behind loopback, with parameters bound to their trials). Imports every room but report;
nothing else imports nni, and without this folder everything else works.
"""
