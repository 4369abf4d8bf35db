"""What the tuners of the searchers are called."""

from nasdip.searchers.registry import SEARCHERS


def tuner_names() -> dict[str, str]:
    """Return the name of each searcher by that of its tuner's class, in the module `tuner`.

    Examples
    --------
    >>> tuner_names()["ReinforceTuner"]
    'reinforce'
    """
    return {f"{name.title().replace('-', '')}Tuner": name for name in SEARCHERS}
