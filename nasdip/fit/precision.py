"""In which precision a network is evaluated; its weights, and the optimiser, are float32 in any case."""

import torch

from nasdip.provenance import processor_features

# Instructions that multiply bfloat16 matrices. With the first ones bfloat16 is faster than float32
# (experiments/benchmarks/step_ratio.csv); the others were made for it, and not measured.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


def choose_precision(name: str, device: torch.device) -> str:
    """Return fp32 or bf16: what `name` says, or for auto what `device` is faster with.

    It is looked up, not timed: the same seed is to give the same result, whatever else the machine does.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        knows = torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere, whose tensor cores multiply it
    else:
        knows = not _INSTRUCTIONS.isdisjoint(processor_features())
    return "bf16" if knows else "fp32"


def working_type(name: str, device: torch.device) -> torch.dtype:
    """Return torch's type for a precision."""
    return torch.bfloat16 if choose_precision(name, device) == "bf16" else torch.float32
