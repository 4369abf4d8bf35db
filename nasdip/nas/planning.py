"""How many trials run at once, and where: rules on sizes alone, so that one seed gives one search."""

from collections.abc import Mapping
from dataclasses import replace

from nasdip.options.search import SearchSettings
from nasdip.searchers.registry import find_searcher

# Steps of a whole search that are over before processes have started (2 to 3 s each).
_SHORT = 1000
# Values in a feature map at full resolution up to which trials on one thread each get more done than one on all.
_MOST_VALUES = 2**22
# Threads of a larger fit, and processes that one GPU is given: neither was measured.
_LARGE_THREADS, _PER_GPU = 8, 8
# A searcher that learns is to have the results of most trials before the last ones.
_SHARE_AT_ONCE = 10
# Share of the free memory that trials may take.
_MEMORY_SHARE = 0.8


def resolved(settings: SearchSettings, shape: tuple[int, ...], budget: int, gpus: int) -> SearchSettings:
    """Return settings in which the trials at once, and the threads of each, are numbers.

    Trials at once share the threads. Where their number is left open (None) it is

    - 1 for a search that is over before processes have started;
    - else as many as there are threads for: a thread each, 8 where feature maps are large; on GPUs 8 to each, and no
      more than there are threads;
    - at most a tenth of the trials (or 2) where the searcher learns from results.

    Parameters
    ----------
    shape : tuple of int
        Of the image (H, W, C).
    budget : int
        CPU threads that there are for all trials.
    gpus : int
        GPUs that trials run on; 0 for the CPU.

    Examples
    --------
    >>> from nasdip.options.search import ProxySettings
    >>> chosen = resolved(SearchSettings(parallel=None, trials=100), (512, 512, 3), budget=8, gpus=0)
    >>> chosen.parallel, chosen.proxy.threads
    (8, 1)
    """
    parallel = settings.parallel or _auto(settings, shape, budget, gpus)
    return replace(settings, parallel=parallel).with_threads(max(1, budget // parallel))


def _auto(settings: SearchSettings, shape: tuple[int, ...], budget: int, gpus: int) -> int:
    proxy = settings.proxy
    if settings.trials * proxy.steps < _SHORT:
        return 1
    height, width = (side if proxy.crop is None else min(side, proxy.crop) for side in shape[:2])
    small = gpus > 0 or height * width * proxy.width <= _MOST_VALUES
    each = proxy.threads or (1 if small else min(budget, _LARGE_THREADS))
    most = settings.trials if not find_searcher(settings.searcher).learns else max(2, settings.trials // _SHARE_AT_ONCE)
    limits = [budget // each, most, settings.trials, *([gpus * _PER_GPU] if gpus else [])]
    return max(1, min(limits))


def place_workers(most: int, need: int, free: Mapping[str, int | None]) -> list[str]:
    """Return the devices of at most `most` processes, in turn over all devices, as far as their memory reaches.

    Parameters
    ----------
    need : int
        Bytes that a process takes of its device.
    free : mapping of str to int or None
        Bytes that are free on each device; None where nobody tells. The first has one process in any case.

    Examples
    --------
    >>> place_workers(4, 10 * 2**30, {"cuda:0": 80 * 2**30, "cuda:1": 24 * 2**30})
    ['cuda:0', 'cuda:1', 'cuda:0', 'cuda:0']
    """
    room = {device: most if size is None else int(_MEMORY_SHARE * size // need) for device, size in free.items()}
    worker_devices: list[str] = []
    while len(worker_devices) < most and any(left > 0 for left in room.values()):
        for device in room:
            if room[device] > 0 and len(worker_devices) < most:
                worker_devices.append(device)
                room[device] -= 1
    return worker_devices or [next(iter(free))]
