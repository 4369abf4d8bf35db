"""Where the trials of a run are evaluated: the devices, and how many processes their memory allows."""

import numpy as np
import torch

from nasdip.fit.cost import estimate_fit
from nasdip.fit.device import available_memory
from nasdip.nas.backends.in_process import Evaluation
from nasdip.nas.planning import place_workers
from nasdip.records.run_folder import RunFolder
from nasdip.threads import use_threads

# Architectures whose memory is measured.
_SAMPLES = 3
# Bytes that a process with torch takes beside its fit: on processors; of a GPU (where it was not measured).
_PROCESS_MEMORY = {"cpu": 2**28, "cuda": 2**30}


def find_worker_devices(folder: RunFolder, device: torch.device, need: int | None = None) -> list[str]:
    """Return the device of each process that is to run trials: as many as the run asks for and memory allows.

    `need` is the memory (bytes) of a fit where that is known; else it is measured where it matters.
    """
    settings = folder.record().settings
    most = min(settings.parallel or 1, len(folder.missing()))
    if most <= 1:
        return [str(device)]
    names = gpus(device) or [str(device)]
    free = {name: available_memory(torch.device(name)) for name in names}
    own = _PROCESS_MEMORY[device.type]
    return place_workers(most, own + (need or _measure_need(folder, device)), free)


def _measure_need(folder: RunFolder, device: torch.device) -> int:
    """Return the largest memory (bytes) of fits of some architectures of a run."""
    evaluation, space, rng = Evaluation(folder, device), folder.space(), np.random.default_rng(0)
    proxy, shape = evaluation.task.proxy, evaluation.task.measurement.pixels.shape
    config = proxy.config
    with use_threads(proxy.threads):
        samples = [space.sample(rng) for _ in range(_SAMPLES)]
        costs = [estimate_fit(a, shape, config, width=proxy.width, device=device) for a in samples]
    return max(cost.memory for cost in costs)


def gpus(device: torch.device) -> list[str]:
    """Return the names of the GPUs that trials on `device` may run on: all, unless it names one."""
    if device.type != "cuda":
        return []
    return [f"cuda:{n}" for n in range(torch.cuda.device_count())] if device.index is None else [str(device)]
