"""Searchers: they propose the next architecture and learn from rewards.

Every searcher speaks `suggest`, `update`, `dump` and `load` (`searcher.py`) and nothing of how a reward is obtained:
trials, run folders and services are the business of `nasdip.nas`.

To add a searcher: one file with a frozen settings dataclass and a subclass of `Searcher`, and one line in
`registry.py`; the test kit in `tests/searchers/` then covers it.
"""
