"""Repeating a step on a GPU without launching each of its kernels from Python: CUDA graphs."""

from collections.abc import Callable, Sequence

import torch

# Calls that are made as usual before the work is recorded: the first ones choose algorithms and allocate workspaces.
WARM_UP = 3


class Replay:
    """Calls `work`, and on a GPU records the call after the first ones and replays it from then on.

    A step of a small network is hundreds of kernels, each shorter than its launch; a replay launches all at once. What
    is recorded works on the same tensors every time: `work` takes no arguments, changes tensors in place, waits for
    nothing, and leaves to the caller what differs between calls (who fills tensors with it before each).

    Parameters
    ----------
    work : callable
        Without arguments.
    generators : sequence of Generator
        Random number generators that it uses; their state goes on with every replay.
    device : torch.device
        Where it works; on the CPU every call is made as usual.

    Attributes
    ----------
    failure : str or None
        Why the work could not be recorded; it is then called as usual, and is slower.
    """

    def __init__(self, work: Callable[[], None], generators: Sequence[torch.Generator], device: torch.device) -> None:
        self._work, self._generators = work, generators
        self._is_plain = device.type != "cuda"
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self.failure: str | None = None

    def __call__(self) -> None:
        """Do the work once."""
        self._calls += 1
        if self._is_plain:
            self._work()
        elif self._graph is not None:
            self._graph.replay()
        elif self._calls <= WARM_UP:
            self._aside()
        else:
            self._record()
            self()

    def _aside(self) -> None:
        """Work on a stream of its own, as recording will."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._work()
        torch.cuda.current_stream().wait_stream(stream)

    def _record(self) -> None:
        """Record the work, which does not do it."""
        graph = torch.cuda.CUDAGraph()
        try:
            for generator in self._generators:
                graph.register_generator_state(generator)
            with torch.cuda.graph(graph):
                self._work()
        except RuntimeError as error:
            self.failure = str(error).splitlines()[0]
            self._is_plain = True
        else:
            self._graph = graph
