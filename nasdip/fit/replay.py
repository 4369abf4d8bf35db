"""Repeating a step on a GPU without launching each of its kernels from Python: CUDA graphs."""

import os
from collections.abc import Callable, Sequence

import torch

from nasdip.errors import NasdipError

# Calls that are made as usual before the work is recorded: the first ones choose algorithms and allocate workspaces.
WARM_UP = 3
# No GPU has run this yet; until one has, it is for those who ask for it.
VARIABLE = "NASDIP_CUDA_GRAPHS"


class Replay:
    """Does a piece of work, and on a GPU, if the environment says NASDIP_CUDA_GRAPHS=1, records and replays it.

    A step of a small network is hundreds of kernels, each shorter than its launch; a replay launches all at once. What
    is recorded works on the same tensors every time: it changes them in place, waits for nothing, copies nothing from
    the CPU, and leaves to the caller what differs between calls (who fills tensors with it before each).

    Parameters
    ----------
    generators : sequence of Generator
        Random number generators that the work uses; their state goes on with every replay.
    device : torch.device
        Where it works; on the CPU every call is made as usual.

    Attributes
    ----------
    records : bool
        Whether it records; what the work uses must then stay, as it is, until the last call.
    """

    def __init__(self, generators: Sequence[torch.Generator], device: torch.device) -> None:
        self._generators, self._device = generators, device
        self.records = device.type == "cuda" and os.environ.get(VARIABLE) == "1"
        self._calls = 0
        self._stream: torch.cuda.Stream | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, work: Callable[[], None]) -> None:
        """Do `work`, the same at every call, once. It is not kept: what it belongs to is freed with its last user."""
        if not self.records:
            work()
            return
        with torch.cuda.device(self._device):
            if self._graph is None:
                self._calls += 1
                if self._calls <= WARM_UP:
                    self._aside(work)
                    return
                self._graph = self._recorded(work)
            self._graph.replay()

    def _aside(self, work: Callable[[], None]) -> None:
        """Work on the stream on which it will be recorded."""
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            work()
        torch.cuda.current_stream().wait_stream(self._stream)

    def _recorded(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Record the work, which does not do it."""
        graph = torch.cuda.CUDAGraph()
        try:
            for generator in self._generators:
                graph.register_generator_state(generator)
            with torch.cuda.graph(graph, stream=self._stream):
                work()
        except RuntimeError as error:
            cause = str(error).splitlines()[0]
            raise NasdipError(
                f"the steps of this network cannot be recorded as a CUDA graph ({cause}): unset {VARIABLE}"
            ) from error
        return graph
