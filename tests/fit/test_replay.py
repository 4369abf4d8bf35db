"""Steps that are recorded: on a GPU they are the same; what belongs to a fit is freed with it."""

import contextlib
import gc
import weakref

import numpy as np
import pytest
import torch
from test_fit import SMALL, picture

from nasdip.errors import NasdipError
from nasdip.fit import loop
from nasdip.fit.fit import fit
from nasdip.fit.replay import VARIABLE, WARM_UP, Replay
from nasdip.measurement.measurement import Measurement
from nasdip.network.build import build_network
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture

CUDA = torch.device("cuda")


class Graph:
    """Stands for a CUDA graph: counts."""

    def __init__(self):
        self.replays = 0

    def replay(self):
        self.replays += 1


class Stream:
    def wait_stream(self, other):
        pass


@pytest.fixture
def gpu(monkeypatch):
    """Let this machine seem to have a GPU that runs nothing."""

    @contextlib.contextmanager
    def nothing(*_, **__):
        yield

    for name in ("device", "stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, nothing)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream())
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setenv(VARIABLE, "1")


def test_work_is_done_as_usual_then_recorded_once_then_replayed(gpu):
    calls = []
    replay = Replay([], CUDA)
    for _ in range(10):
        replay(lambda: calls.append(1))
    assert len(calls) == WARM_UP + 1  # the last of them was recorded
    assert replay._graph.replays == 10 - WARM_UP


@pytest.mark.parametrize(("device", "value"), [(torch.device("cpu"), "1"), (CUDA, "0")])
def test_elsewhere_and_unasked_every_call_is_made(gpu, monkeypatch, device, value):
    monkeypatch.setenv(VARIABLE, value)
    calls = []
    replay = Replay([], device)
    for _ in range(10):
        replay(lambda: calls.append(1))
    assert len(calls) == 10


def test_what_cannot_be_recorded_is_a_clear_error(gpu):
    replay = Replay([], CUDA)
    for _ in range(WARM_UP):
        replay(lambda: None)

    def fails():
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    with pytest.raises(NasdipError, match=rf"\(operation not permitted when stream is capturing\): unset {VARIABLE}"):
        replay(fails)


def test_a_fit_is_freed_when_it_ends_not_when_garbage_is_collected(monkeypatch):
    made = []

    class Watched(loop.FitLoop):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(weakref.ref(self))

    monkeypatch.setattr("nasdip.fit.fit.FitLoop", Watched)
    clean, noisy = picture()
    gc.collect()
    gc.disable()
    try:
        fit(build_network(SMALL, width=8), SMALL, Measurement(noisy), FitConfig(steps=12), clean=clean)
        assert [ref() for ref in made] == [None]
    finally:
        gc.enable()


@pytest.mark.gpu
@pytest.mark.parametrize(
    "text", ["bilinear+conv3+leaky-relu:100.010.001", "nearest+conv5:11111.01111.00111.00011.00001"]
)
def test_a_recorded_fit_is_the_same(monkeypatch, text):
    architecture = Architecture.from_text(text)  # the second one has sums of links, which it counts
    clean, noisy = picture(64)
    losses = []
    for value in ("0", "1"):
        monkeypatch.setenv(VARIABLE, value)
        network = build_network(architecture, width=16)
        result = fit(network, architecture, Measurement(noisy), FitConfig(steps=30), clean=clean, device="cuda")
        assert not result.events
        losses.append(result.curves.loss)
    np.testing.assert_allclose(losses[1][:10], losses[0][:10], rtol=1e-3)
