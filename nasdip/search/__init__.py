"""One trial (architecture -> reward), the run folder, and the in-process runner.

Imports every room but report. `run_folder.py`, `settings.py` and `trial_result.py` import no torch: reports and
`nasdip status` read runs with them, during a run, after it, and without any service.
"""
