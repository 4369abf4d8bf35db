"""One trial (architecture -> reward), the run folder, and the runner: one trial after the other, or several at once.

Imports every room but report. `run_folder.py`, `settings.py` and `trial_result.py` import no torch: reports and
`nasdip status` read runs with them, during a run, after it, and without any service.

A search's `ledger.py` knows what was suggested and learned, `schedule.py` which trial is next, and `workers.py` starts
the processes (`worker_process.py`, inside them `worker.py`) that evaluate trials beside each other; `planning.py` says
how many. `final_fit.py` plans the fit of the best architecture.

The room shares its name with the function `nasdip.search(image, ...)`, so the module itself can be called; see
`nasdip.api.search` for the parameters.
"""

import sys
from types import ModuleType
from typing import Any


class _CallableRoom(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Search an architecture for one noisy image: `nasdip.api.search`."""
        from nasdip.api import search

        return search(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
