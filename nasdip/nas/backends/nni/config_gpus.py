"""GPUs as NNI shares them out, and the configurations that its scheduler freezes at."""

import importlib
import math
from collections.abc import Iterator
from typing import Any

_ROUNDING = 1.001  # of NNI's scheduler


def count_gpus() -> int:
    """Return the number of GPUs that NNI sees: it asks the driver (NVML), and CUDA_VISIBLE_DEVICES changes nothing."""
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # without the package, the library, the driver or a device
        return 0
    try:
        return int(nvml.nvmlDeviceGetCount())
    finally:
        nvml.nvmlShutdown()


def slots(trial_gpus: int, trials_per_gpu: int, gpus: int, usable: int) -> int:
    """Return how many trials NNI runs at once on a machine.

    Parameters
    ----------
    trial_gpus, trials_per_gpu : int
        trialGpuNumber and maxTrialNumberPerGpu. A trial takes their ratio of GPUs; never all of the machine's.
    gpus, usable : int
        GPUs of the machine, and how many of them gpuIndices leaves.
    """
    share = trial_gpus / trials_per_gpu
    if share >= gpus:
        return 0
    if share < 1:
        return usable * int(_ROUNDING / share)
    return usable // math.floor(share + 0.5)


def gpu_problems(service: Any, concurrency: int | None, gpus: int | None = None) -> Iterator[str]:
    """Yield what is wrong with the GPU settings of a canonical local or remote training service."""
    wanted = service.trial_gpu_number
    nodes = service.machine_list if service.platform == "remote" else [service]
    if not isinstance(wanted, int) or wanted < 1:
        if any(node.gpu_indices is not None for node in nodes):
            yield (
                "gpuIndices does nothing without trialGpuNumber: add trialGpuNumber, or remove gpuIndices and "
                "start nnictl with CUDA_VISIBLE_DEVICES=..."
            )
        return
    if any(not node.use_active_gpu for node in nodes):
        yield (
            "useActiveGpu must be true beside trialGpuNumber: NNI counts the GPU of an ended trial as active for some "
            "seconds and freezes meanwhile; set useActiveGpu: true, and gpuIndices to leave out others' GPUs"
        )
    if service.platform == "remote":
        yield from _remote_slots(service, wanted, concurrency)
    else:
        yield from _local_slots(service, wanted, concurrency, count_gpus() if gpus is None else gpus)


def _local_slots(service: Any, wanted: int, concurrency: int | None, gpus: int) -> Iterator[str]:
    per_gpu = service.max_trial_number_per_gpu
    indices = range(gpus) if service.gpu_indices is None else service.gpu_indices
    if gpus == 0:
        yield (
            f"trialGpuNumber is {wanted}, but NNI finds no GPU here: remove trialGpuNumber (and gpuIndices, "
            "maxTrialNumberPerGpu); trials then use the processor"
        )
    elif any(index not in range(gpus) for index in indices):
        yield f"gpuIndices {list(indices)} names a GPU that is not there: the {gpus} here are numbered from 0"
    elif wanted / per_gpu >= gpus:
        yield _never_scheduled(wanted, gpus)
    else:
        yield from _too_many(concurrency, slots(wanted, per_gpu, gpus, len(indices)))


def _never_scheduled(wanted: int, gpus: int) -> str:
    if gpus == 1 and wanted == 1:
        return (
            "trialGpuNumber: 1 is never scheduled on a machine with one GPU: remove it, and trials share the GPU; or "
            "add maxTrialNumberPerGpu: 2, with trialConcurrency 2 at most"
        )
    return f"trialGpuNumber: {wanted} is never scheduled on a machine with {gpus} GPUs: NNI wants more than it gives"


def _remote_slots(service: Any, wanted: int, concurrency: int | None) -> Iterator[str]:
    """Check the concurrency where gpuIndices tells the GPUs of every machine; others cannot be known from here."""
    total = 0
    for machine in service.machine_list:
        if machine.gpu_indices is None:
            return
        count = len(machine.gpu_indices)
        total += slots(wanted, machine.max_trial_number_per_gpu, count + 1, count)
    yield from _too_many(concurrency, total)


def _too_many(concurrency: int | None, most: int) -> Iterator[str]:
    if most == 0:
        yield "gpuIndices leaves too few GPUs for one trial: list more, or lower trialGpuNumber"
    elif concurrency is not None and concurrency > most:
        yield (
            f"trialConcurrency is {concurrency}, but the GPUs have room for {most} at once, and NNI freezes at the "
            f"next: set trialConcurrency to {most} at most, or raise maxTrialNumberPerGpu"
        )
