"""The estimate without a network, made of few and small patches: it denoises still, in a tenth of the time."""

from collections.abc import Callable

from nasdip.classical import nonlocal_bayes as module

_STEPS = {"_FIRST": (12, 2, 3), "_SECOND": (32, 3, 3), "_THIRD": (32, 3, 3)}


def use_quick_reference(set_attribute: Callable[[object, str, object], None] = setattr) -> None:
    """Let this process make its estimates so."""
    for name, values in _STEPS.items():
        set_attribute(module, name, module._Step(*values))
    set_attribute(module, "_COUNT", 30)
