import subprocess
import sys

import pytest
import torch

from nasdip.fit.adam import Adam


def parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = [(8, 4, 3, 3), (8,), (3, 8, 1, 1)]
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def loss(weights):
    return sum((w.sin() * w).sum() for w in weights[:2])  # the last gets no gradient


@pytest.mark.parametrize("second_moment", [0.999, 0.9])
def test_it_is_torchs_adam(second_moment):
    ours, theirs = parameters(), parameters()
    optimizer = Adam(ours, 0.01, second_moment=second_moment)
    reference = torch.optim.Adam(theirs, lr=0.01, betas=(0.9, second_moment))
    for step in range(20):
        if step == 10:
            optimizer.learning_rate = reference.param_groups[0]["lr"] = 0.005
        factor = 1.0 if step < 15 else 0.5
        optimizer.forget_gradients()
        reference.zero_grad()
        loss(ours).backward()
        loss(theirs).backward()
        optimizer.scale(factor)
        optimizer.step()
        reference.param_groups[0]["lr"] = factor * optimizer.learning_rate
        reference.step()
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))
    assert torch.equal(ours[2], parameters()[2])


def test_its_state_is_all_that_a_return_needs():
    weights = parameters()
    optimizer = Adam(weights, 0.01)

    def steps(number):
        for _ in range(number):
            optimizer.forget_gradients()
            loss(weights).backward()
            optimizer.step()
        return [w.detach().clone() for w in weights]

    steps(5)
    saved = [t.detach().clone() for t in (*weights, *optimizer.state)]
    first = steps(5)
    with torch.no_grad():
        for tensor, kept in zip((*weights, *optimizer.state), saved, strict=True):
            tensor.copy_(kept)
    assert all(torch.equal(a, b) for a, b in zip(first, steps(5), strict=True))


def test_it_does_not_import_torchs_compiler():
    code = (
        "import sys, torch; from nasdip.fit.adam import Adam\n"
        "w = torch.zeros(3, requires_grad=True); w.sum().backward(); Adam([w], 0.1).step()\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
