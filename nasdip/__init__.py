"""Neural architecture search for Deep Image Prior: restore one noisy image with a searched, untrained network.

`nasdip.restore(image, ...)` and `nasdip.search(image, ...)` are the door; see also the command `nasdip`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasdip.api import FullOutput as FullOutput
    from nasdip.api import SearchResult as SearchResult
    from nasdip.api import inpaint as inpaint
    from nasdip.api import inspect as inspect
    from nasdip.api import restore as restore
    from nasdip.api import search as search
    from nasdip.errors import NasdipError as NasdipError
    from nasdip.measurement.add_noise import add_noise as add_noise

__version__ = "0.2.0"

# Loaded at first use, so that `import nasdip` and the command line's help cost nothing.
_LAZY = {
    "FullOutput": "nasdip.api",
    "NasdipError": "nasdip.errors",
    "SearchResult": "nasdip.api",
    "add_noise": "nasdip.measurement.add_noise",
    "inpaint": "nasdip.api",
    "inspect": "nasdip.api",
    "restore": "nasdip.api",
    "search": "nasdip.api",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'nasdip' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
