"""A small framework for convolutional networks, written with elementary tensor operations alone.

What it is for: the network of the student report that used no library for its layers, nor for their gradients. A
module has `forward`, `backward` and `param`; a network is a `Sequential` of modules; `MeanSquaredError` and `SGD` train
it. `twin` alone uses torch's own layers: it builds the same network with them, to compare with.

What it may import: of torch the operations on tensors (no torch.nn but in `twin`, no gradients by torch), and
nasdip.errors.

How to add to it: a layer is a file with a class derived from `module.Module`; its `backward` is tested against torch's
gradients in tests/baselines/test_scratch.py.
"""

from nasdip.baselines.scratch.activation import LeakyReLU, ReLU, Sigmoid
from nasdip.baselines.scratch.convolution import Conv2d
from nasdip.baselines.scratch.descent import SGD
from nasdip.baselines.scratch.initialisation import kaiming, normal
from nasdip.baselines.scratch.loss import MeanSquaredError
from nasdip.baselines.scratch.module import Module, Sequential
from nasdip.baselines.scratch.network import scratch_network
from nasdip.baselines.scratch.resampling import MaxPool2d, Upsample2d
from nasdip.baselines.scratch.trainable import ScratchTrainable

__all__ = [
    "SGD", "Conv2d", "LeakyReLU", "MaxPool2d", "MeanSquaredError", "Module", "ReLU", "ScratchTrainable", "Sequential",
    "Sigmoid", "Upsample2d", "kaiming", "normal", "scratch_network",
]  # fmt: skip
