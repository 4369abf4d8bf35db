import math

import numpy as np
import pytest
import torch

from nasdip.errors import NasdipError
from nasdip.searchers.baseline import MovingBaseline
from nasdip.searchers.reinforce import Reinforce, ReinforceSettings
from nasdip.searchers.searcher import Outcome
from nasdip.space.search_space import SearchSpace

BANDIT = SearchSpace.from_json({"spatial": {"_type": "choice", "_value": ["bilinear", "nearest"]}})
TINY = SearchSpace.load("tiny")
ARMS = [BANDIT.decode((0,)), BANDIT.decode((1,))]


def bandit(**settings: float) -> Reinforce:
    return Reinforce(BANDIT, seed=0, settings=ReinforceSettings(hidden_size=4, **settings))  # type: ignore[arg-type]


def test_gradient_is_that_of_reinforce() -> None:
    # Two arms with probability p = 1/2 each: d log p(a) / d bias_k = [a = k] - p_k, the entropy is at its maximum,
    # and the first baseline of rewards 3, 3, 1 is their median, with the mean absolute deviation for a scale.
    searcher = bandit(batch_size=3, advantage_clip=100.0)
    rewards = [3.0, 3.0, 1.0]
    searcher.update([Outcome(ARMS[a], r) for a, r in zip((0, 0, 1), rewards, strict=True)])
    advantage = np.array([0.0, 0.0, -2.0]) / (1.2533 * 2 / 3)
    expected = -advantage[2] * -0.5 / 3  # of the loss, by the bias of arm 0
    gradient = searcher._policy.biases.grad
    assert gradient is not None
    assert gradient[0].tolist() == pytest.approx([expected, -expected], rel=1e-5)


def test_gradient_agrees_with_finite_differences() -> None:
    searcher = bandit(batch_size=4, entropy_weight=0.7, learning_rate=0.1, baseline_decay=0.5)
    searcher.update([Outcome(ARMS[a], r) for a, r in ((0, 28.0), (1, 27.0), (0, 28.2), (1, 26.5))])
    policy = searcher._policy
    codes, rewards = [(1,), (0,), (1,), (1,)], [28.0, 27.5, 29.0, 26.0]
    assert searcher._baseline is not None
    moved = searcher._baseline.follow(rewards, 0.5, searcher.settings.advantage_clip)
    advantages = torch.tensor(moved.advantages(rewards, searcher.settings.advantage_clip))
    before = {k: v.clone() for k, v in policy.state_dict().items()}
    searcher.update([Outcome(BANDIT.decode(code), r) for code, r in zip(codes, rewards, strict=True)])
    assert policy.biases.grad is not None
    gradient = policy.biases.grad.clone()
    policy.load_state_dict(before)
    policy.double()

    def loss(shift: float) -> float:
        with torch.no_grad():
            policy.biases[0, 1] += shift
            log_prob, entropy = policy.log_prob(codes)
            policy.biases[0, 1] -= shift
        return -float((advantages * log_prob + 0.7 * entropy).mean())

    assert gradient[0, 1].item() == pytest.approx((loss(1e-4) - loss(-1e-4)) / 2e-4, rel=1e-4)


def test_entropy_weight_decays_by_step() -> None:
    # Equal rewards leave the entropy bonus alone; with decay 0 it acts in the first step only.
    searcher = bandit(batch_size=2, entropy_weight=1.0, entropy_decay=0.0)
    with torch.no_grad():
        searcher._policy.biases[0, 0] = 1.0
    gradients = []
    for _ in range(2):
        searcher.update([Outcome(arm, 28.0) for arm in ARMS])
        assert searcher._policy.biases.grad is not None
        gradients.append(searcher._policy.biases.grad[0, 0].item())
    assert gradients[0] > 0.1
    assert gradients[1] == 0


def test_steps_wait_for_a_batch() -> None:
    searcher = bandit(batch_size=3)
    weights = {k: v.clone() for k, v in searcher._policy.state_dict().items()}
    searcher.update([Outcome(ARMS[0], 28.0), Outcome(ARMS[1], 27.0)])
    assert searcher.diagnostics() == {}
    assert all(torch.equal(v, weights[k]) for k, v in searcher._policy.state_dict().items())
    searcher.update([Outcome(ARMS[0], 28.0)] * 5)
    assert searcher._steps == 2
    assert len(searcher._buffer) == 1


def test_diagnostics_are_entropy_in_nats_and_baseline_in_the_rewards_unit() -> None:
    searcher = bandit(batch_size=2)
    searcher.suggest()
    assert searcher.diagnostics() == {"policy_entropy": pytest.approx(math.log(2))}
    searcher.update([Outcome(ARMS[0], 29.0), Outcome(ARMS[1], 27.0)])
    assert searcher.diagnostics()["baseline"] == 28.0


@pytest.mark.parametrize(("unit", "offset"), [(1.0, 0.0), (1e-3, 0.0), (1e3, -5e4)])
def test_unit_and_offset_of_the_reward_do_not_matter(unit: float, offset: float) -> None:
    searcher = bandit(batch_size=4, learning_rate=0.05)
    for _ in range(25):
        searcher.update([Outcome(a, unit * (28.0 + (a == ARMS[1])) + offset) for a in searcher.suggest(4)])
    assert searcher.suggest(20).count(ARMS[1]) >= 19


def test_floor_rewards_do_not_wreck_the_baseline() -> None:
    rng = np.random.default_rng(0)
    batches = [np.where(rng.random(10) < 0.1, 0.0, rng.normal(28, 1, 10)) for _ in range(60)]
    baseline = MovingBaseline.start(list(batches[0]))
    for batch in batches[1:]:
        baseline = baseline.follow(list(batch), 0.8, 2.0)
        assert 26 < baseline.level < 29
        assert baseline.scale < 3
    assert baseline.advantages([0.0, 31.0], 2.0).tolist()[0] == -2.0


def test_baseline_follows_the_stated_equations() -> None:
    baseline = MovingBaseline(28.0, 1.0).follow([29.0, 20.0], decay=0.9, clip=2.0)
    assert baseline.level == pytest.approx(28 + 0.1 * (1 - 2) / 2)
    assert baseline.scale == pytest.approx(0.9 + 0.1 * 1.2533 * 1.5)
    assert MovingBaseline.start([27.0, 28.0, 30.0]) == pytest.approx((28.0, 1.4826))


def test_equal_rewards_give_no_advantage() -> None:
    baseline = MovingBaseline.start([28.0, 28.0]).follow([28.0], 0.8, 2.0)
    assert baseline == (28.0, 0.0)
    assert baseline.advantages([28.0, 28.0], 2.0).tolist() == [0.0, 0.0]


def test_no_architecture_is_suggested_twice_while_there_are_others() -> None:
    searcher = Reinforce(TINY, seed=0)
    seen = []
    for _ in range(15):
        asked = searcher.suggest(4)
        seen += asked
        searcher.update([Outcome(a, 28.0 + 0.01 * len(str(a))) for a in asked])
    assert len(set(seen)) == len(seen) == 60


def test_everything_is_suggested_before_anything_again() -> None:
    searcher = bandit()
    assert set(searcher.suggest(2)) == set(ARMS)
    assert set(searcher.suggest(4)) <= set(ARMS)


def test_the_model_picks_what_resembles_the_best() -> None:
    searcher = Reinforce(TINY, seed=0, settings=ReinforceSettings(ucb_beta=0.0, batch_size=1000))
    rng = np.random.default_rng(0)
    tried = list(dict.fromkeys(TINY.sample(rng) for _ in range(30)))
    searcher.update([Outcome(a, 30.0 if a.cell.spatial == "bilinear" else 27.0) for a in tried])
    assert {a.cell.spatial for a in searcher.suggest(5)} == {"bilinear"}
    blind = Reinforce(TINY, seed=0, settings=ReinforceSettings(candidates=1, batch_size=1000))
    blind.update([Outcome(a, 30.0 if a.cell.spatial == "bilinear" else 27.0) for a in tried])
    assert {a.cell.spatial for a in blind.suggest(5)} != {"bilinear"}


def test_entropy_is_that_of_what_the_policy_draws_not_of_what_is_picked() -> None:
    plain, screened = (
        Reinforce(TINY, seed=0, settings=ReinforceSettings(unique=False, candidates=1)),
        Reinforce(TINY, seed=0, settings=ReinforceSettings()),
    )
    for searcher in (plain, screened):
        searcher.update([Outcome(a, 28.0 + 0.1 * i) for i, a in enumerate(searcher.suggest(8))])
        searcher.suggest(10)
    first, second = (searcher.diagnostics()["policy_entropy"] for searcher in (plain, screened))
    assert second == pytest.approx(first, abs=0.3)


def test_a_warm_start_prefers_what_scored_well() -> None:
    rng = np.random.default_rng(0)
    scored = [
        (a, float(a.cell.spatial == "nearest") + 1e-3 * i) for i, a in enumerate(TINY.sample(rng) for _ in range(200))
    ]
    warm, cold = Reinforce(TINY, seed=0), Reinforce(TINY, seed=0)
    warm.warm_start(scored)
    shares = [
        np.mean([TINY.decode(code).cell.spatial == "nearest" for code in s._policy.sample(400, torch.Generator())])
        for s in (warm, cold)
    ]
    assert shares[0] > shares[1] + 0.15
    assert shares[0] < 0.95  # a preference, not a decision


def test_a_warm_start_is_in_the_state_and_refuses_what_is_not_finite() -> None:
    rng = np.random.default_rng(0)
    scored = [(TINY.sample(rng), float(i)) for i in range(50)]
    warm, other = Reinforce(TINY, seed=0), Reinforce(TINY, seed=1)
    warm.warm_start(scored)
    other.load(warm.dump())
    assert other.suggest(5) == warm.suggest(5)
    with pytest.raises(NasdipError, match="not finite"):
        warm.warm_start([(scored[0][0], math.nan)])
    warm.warm_start([])
