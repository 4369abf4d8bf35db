"""The same network with torch's own layers, to compare with."""

from torch import nn

from nasdip.baselines.scratch.activation import LeakyReLU, ReLU, Sigmoid
from nasdip.baselines.scratch.convolution import Conv2d
from nasdip.baselines.scratch.module import Module, Sequential
from nasdip.baselines.scratch.resampling import MaxPool2d, Upsample2d
from nasdip.errors import NasdipError


def torch_twin(network: Sequential) -> nn.Sequential:
    """Return the network of torch.nn that computes what `network` does, with copies of its weights.

    Both trained with the same batches and the same descent (`torch.optim.SGD`) have the same losses, up to rounding.
    Parameters are named "0.weight", "0.bias" and so on, as `ScratchTrainable.weights` names them.

    NasdipError for a module that torch has no twin of here.

    Examples
    --------
    >>> import torch
    >>> from nasdip.baselines.scratch import scratch_network
    >>> network = scratch_network(width=8, seed=0)
    >>> batch = torch.rand(2, 3, 16, 16)
    >>> bool(torch.allclose(torch_twin(network)(batch), network.forward(batch), atol=1e-5))
    True
    """
    return nn.Sequential(*(_twin(module) for module in network.modules))


def _twin(module: Module) -> nn.Module:
    match module:
        case Conv2d():
            outputs, inputs, size, _ = module.kernels.shape
            dtype, device = module.kernels.dtype, module.kernels.device
            twin = nn.Conv2d(inputs, outputs, size, padding="same", dtype=dtype, device=device)
            twin.load_state_dict({"weight": module.kernels, "bias": module.bias})
            return twin
        case MaxPool2d():
            return nn.MaxPool2d(module.size)
        case Upsample2d():
            return nn.Upsample(scale_factor=2, mode="nearest")
        case ReLU():
            return nn.ReLU()
        case LeakyReLU():
            return nn.LeakyReLU(module.slope)
        case Sigmoid():
            return nn.Sigmoid()
        case Sequential():
            return torch_twin(module)
    raise NasdipError(f"{type(module).__name__} has no twin in torch: add it to {__name__}")
