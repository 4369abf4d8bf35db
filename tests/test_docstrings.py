"""The examples of all docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest
from quick_reference import use_quick_reference

import nasdip

MODULES = [m.name for m in pkgutil.walk_packages(nasdip.__path__, "nasdip.") if m.name != "nasdip.__main__"]


def examples(name):
    return [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]


@pytest.mark.parametrize("name", [name for name in MODULES if examples(name)])
def test_examples(name, capsys, monkeypatch):
    if name == "nasdip.api":  # examples of fits, not of what is made without them
        use_quick_reference(monkeypatch.setattr)
    runner = doctest.DocTestRunner()
    for test in examples(name):
        runner.run(test)
    assert runner.failures == 0, capsys.readouterr().out
