import itertools
import math

import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.searchers.policy import LSTMPolicy
from nasdip.searchers.searcher import Encoding
from nasdip.space.search_space import SearchSpace

TINY = SearchSpace.load("tiny")
# No option rules out another here, so that the first policy is uniform.
FREE = SearchSpace.from_json(
    {
        "spatial": {"_type": "choice", "_value": ["bilinear", "nearest", "bicubic"]},
        "activation": {"_type": "choice", "_value": ["none", "relu"]},
        "skips": {"_type": "choice", "_value": ["10.01", "11.01", "10.11", "00.00"]},
    }
)


def everything(space: SearchSpace) -> list[Encoding]:
    codes = []
    for code in itertools.product(*(range(len(d.options)) for d in space.decisions)):
        try:
            space.decode(code)
        except NasdipError:
            continue
        codes.append(code)
    return codes


def scrambled(space: SearchSpace, **settings: float) -> LSTMPolicy:
    """A policy far from uniform."""
    policy = LSTMPolicy(space, seed=0, hidden_size=8, **settings)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        policy.heads.normal_(std=3.0, generator=generator)
        policy.biases.normal_(generator=generator)
    return policy


@pytest.mark.parametrize("settings", [{}, {"temperature": 5.0, "tanh_constant": 2.5}])
def test_probabilities_sum_to_one(settings: dict[str, float]) -> None:
    codes = everything(TINY)
    assert len(codes) == TINY.size
    log_prob, _ = scrambled(TINY, **settings).log_prob(codes)
    assert log_prob.double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_sampling_follows_the_probabilities() -> None:
    policy, codes = scrambled(TINY), everything(TINY)
    drawn = policy.sample(20_000, torch.Generator().manual_seed(0))
    frequency = torch.tensor([drawn.count(code) / len(drawn) for code in codes])
    probability = policy.log_prob(codes)[0].exp()
    assert set(drawn) <= set(codes)
    assert torch.allclose(frequency, probability, atol=0.015)
    assert frequency.max() > 0.05


def test_entropy_along_sequences_averages_to_the_entropy() -> None:
    log_prob, along = scrambled(TINY).log_prob(everything(TINY))
    weights = log_prob.exp()
    assert (weights * along).sum().item() == pytest.approx(-(weights * log_prob).sum().item(), abs=1e-4)


def test_first_policy_is_uniform() -> None:
    log_prob, entropy = LSTMPolicy(FREE, seed=0).log_prob(everything(FREE))
    assert log_prob.tolist() == pytest.approx([-math.log(FREE.size)] * FREE.size, abs=1e-5)
    assert entropy.tolist() == pytest.approx([math.log(FREE.size)] * FREE.size, abs=1e-5)


def test_disallowed_sequence_is_refused() -> None:
    code = (1, 3, 1, 0, 0)  # an identity has no kernel: its only option is the first
    assert TINY.mask(code[:2]) == (True, False)
    with pytest.raises(NasdipError, match="does not allow"):
        scrambled(TINY).log_prob([code])


def test_masked_options_get_no_gradient_and_no_nan() -> None:
    policy = scrambled(TINY)
    log_prob, entropy = policy.log_prob(policy.sample(6, torch.Generator().manual_seed(0)))
    (log_prob + entropy).sum().backward()
    for parameter in policy.parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.isfinite().all())
    counts = [len(d.options) for d in TINY.decisions]
    assert policy.biases.grad is not None
    assert not policy.biases.grad[counts.index(2), 2:].any()


def test_forced_decision_costs_nothing() -> None:
    forced = SearchSpace.from_json(
        {
            "spatial": {"_type": "choice", "_value": ["bilinear"]},
            "activation": {"_type": "choice", "_value": ["none", "relu"]},
        }
    )
    log_prob, entropy = scrambled(forced).log_prob([(0, 0), (0, 1)])
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-6)
    binary = -(log_prob.exp() * log_prob).sum().item()
    assert entropy.tolist() == pytest.approx([binary, binary], abs=1e-6)


def test_teacher_forcing_agrees_with_batches_of_one() -> None:
    policy, codes = scrambled(TINY), everything(TINY)[::17]
    together = policy.log_prob(codes)[0].tolist()
    assert together == pytest.approx([policy.log_prob([code])[0].item() for code in codes], abs=1e-5)


def test_tanh_constant_bounds_the_odds() -> None:
    log_prob, _ = scrambled(FREE, tanh_constant=0.1).log_prob(everything(FREE))
    assert (log_prob.max() - log_prob.min()).item() <= 2 * 0.1 * len(FREE.decisions) + 1e-6
    flat, _ = scrambled(FREE, temperature=1e3).log_prob(everything(FREE))
    assert (flat.max() - flat.min()).item() < 0.1


def test_seed_decides_the_weights() -> None:
    first, same, other = (LSTMPolicy(TINY, seed=seed).embedding.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
