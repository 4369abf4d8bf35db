"""REINFORCE over an LSTM policy: the searcher of NAS-DIP."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from nasdip.searchers.adam import Adam
from nasdip.searchers.baseline import MovingBaseline
from nasdip.searchers.policy import LSTMPolicy
from nasdip.searchers.reward_model import RewardModel
from nasdip.searchers.searcher import Encoding, Searcher, check_number
from nasdip.space.architecture import Architecture
from nasdip.space.search_space import SearchSpace
from nasdip.threads import use_threads

# Sequences that are drawn for one that was not tried before.
_DRAWS = 64
# Of the warm start: steps of its optimiser, and architectures in each.
_WARM_STEPS, _WARM_BATCH = 150, 64


@dataclass(frozen=True)
class ReinforceSettings:
    """Knobs of `Reinforce`; the defaults suit searches of 20 to 1000 trials.

    Parameters
    ----------
    learning_rate : float
        Step of Adam, above 0. Larger = commits sooner, perhaps to the wrong architecture.
    batch_size : int
        Outcomes for one step. Larger = surer, fewer steps.
    baseline_decay : float
        In [0, 1), for one step. Larger = the reward baseline follows more slowly and smoothly.
    entropy_weight : float
        Reward of an entropy of one nat, in standard deviations of the reward; 0 or more. Larger = explores longer.
    entropy_decay : float
        In [0, 1]; factor on `entropy_weight` after each step. Smaller = stops exploring sooner.
    advantage_clip : float
        Advantages end at plus and minus so many standard deviations. Larger = failures and strokes of luck count more.
    unique : bool
        Whether an architecture that was suggested before is drawn anew, as long as that finds others.
    candidates : int
        Sequences that are drawn for each suggestion, of which `RewardModel` picks the most promising; 1 for no such
        choice. Larger = greedier, slower.
    candidates_from : int
        Known architectures from which on it picks; 2 or more.
    ucb_beta : float
        It picks by the upper confidence bound, the mean plus so many standard deviations; 0 or more. Larger = explores
        longer.
    warm_temperature : float
        T of the warm start, above 0, in standard deviations of the score. Smaller = trusts it more.
    uniform : float
        Share in [0, 1] of the sequences to pick from that is drawn uniformly, not by the policy. Larger = what the
        policy has given up too soon is found again sooner.
    hidden_size, temperature, tanh_constant
        Of the policy: see `LSTMPolicy`.
    """

    learning_rate: float = 0.01
    batch_size: int = 10
    baseline_decay: float = 0.8
    entropy_weight: float = 0.03
    entropy_decay: float = 1.0
    advantage_clip: float = 2.0
    hidden_size: int = 64
    temperature: float = 1.0
    tanh_constant: float | None = None
    unique: bool = True
    candidates: int = 64
    candidates_from: int = 5
    ucb_beta: float = 1.0
    uniform: float = 0.25
    warm_temperature: float = 1.0

    def __post_init__(self) -> None:
        check_number("learning_rate", self.learning_rate, 1e-9, 10)
        check_number("batch_size", self.batch_size, 1, 10**6, whole=True)
        check_number("baseline_decay", self.baseline_decay, 0, 0.999999)
        check_number("entropy_weight", self.entropy_weight, 0, 1e3)
        check_number("entropy_decay", self.entropy_decay, 0, 1)
        check_number("advantage_clip", self.advantage_clip, 0.1, 1e6)
        check_number("hidden_size", self.hidden_size, 1, 4096, whole=True)
        check_number("temperature", self.temperature, 1e-3, 1e3)
        check_number("candidates", self.candidates, 1, 10**5, whole=True)
        check_number("candidates_from", self.candidates_from, 2, 10**6, whole=True)
        check_number("ucb_beta", self.ucb_beta, 0, 1e3)
        check_number("uniform", self.uniform, 0, 1)
        check_number("warm_temperature", self.warm_temperature, 0.05, 1e3)
        if self.tanh_constant is not None:
            check_number("tanh_constant", self.tanh_constant, 1e-3, 1e3)


class Reinforce(Searcher):
    """REINFORCE (Williams, 1992) with a moving baseline and an entropy bonus, as in Zoph & Le (ICLR 2017).

    Outcomes are buffered; each `batch_size` of them, in order of arrival, give one step of Adam down the gradient of

        L = - mean_i(A_i log p(a_i)) - w mean_i(H(a_i))

    with the clipped, normalised advantage A of `MovingBaseline`, p and the entropy H of `LSTMPolicy`, and the entropy
    weight w. Log-probabilities are those of the policy at the time of the step: rewards that come late, or for
    architectures that were never suggested, count like all others, without importance weights.

    So that few trials suffice, nothing is suggested twice while there is anything else, and of `candidates` sequences
    that the policy draws (a share of them uniform), `RewardModel` picks the most promising one. A warm start fits the
    policy to training-free scores before the first trial. `experiments/benchmarks/tabular` measures each.

    Examples
    --------
    >>> from nasdip.searchers.searcher import Outcome
    >>> reinforce = Reinforce(SearchSpace.load("tiny"), seed=0, settings=ReinforceSettings(batch_size=4))
    >>> reinforce.update([Outcome(a, reward=28.0) for a in reinforce.suggest(4)])
    >>> sorted(reinforce.diagnostics())
    ['baseline', 'policy_entropy']
    """

    name = "reinforce"
    settings_type = ReinforceSettings
    renamed_settings: ClassVar[dict[str, str]] = {
        "fresh": "unique",
        "screened": "candidates",
        "screened_from": "candidates_from",
        "optimism": "ucb_beta",
    }

    def __init__(self, space: SearchSpace, *, seed: int, settings: ReinforceSettings | None = None) -> None:
        super().__init__(space, seed=seed, settings=settings)
        self._policy, self._optimiser = self._new_policy(seed)
        # Not the generator of the weights: its stream would start with the same numbers.
        self._generator = torch.Generator().manual_seed(seed ^ 0x5EED)
        self._sampled: deque[Encoding] = deque(maxlen=self.settings.batch_size)
        self._buffer: list[tuple[Encoding, float]] = []
        self._baseline: MovingBaseline | None = None
        self._steps = 0
        self._known: dict[Encoding, float] = {}
        self._pending: dict[Encoding, None] = {}
        self._model: RewardModel | None = None  # of what is known

    @use_threads(1)  # tensors so small that more threads only wait for each other
    def diagnostics(self) -> dict[str, float]:
        """Return what is known so far.

        policy_entropy: of the whole sequence distribution, in nats, estimated along the last `batch_size` sequences
        that it drew, before any choice between them, with the present policy. baseline: the running level of the
        reward, in its unit.
        """
        numbers: dict[str, float] = {}
        if self._sampled:
            with torch.no_grad():
                numbers["policy_entropy"] = float(self._policy.log_prob(list(self._sampled))[1].mean())
        if self._baseline is not None:
            numbers["baseline"] = self._baseline.level
        return numbers

    @use_threads(1)  # tensors so small that more threads only wait for each other
    def _propose(self, count: int) -> list[Architecture]:
        return [self.space.decode(encoding) for encoding in self._draw(count)]

    def _draw(self, count: int) -> list[Encoding]:
        """Return `count` sequences of the policy; where they are to be unique, others than those suggested so far."""
        if self.settings.unique:
            return [self._draw_unique() for _ in range(count)]
        drawn = self._policy.sample(count, self._generator)
        self._sampled.extend(drawn)
        return drawn

    def _draw_unique(self) -> Encoding:
        s = self.settings
        drawn = self._policy.sample(s.candidates, self._generator, uniform=round(s.uniform * s.candidates))
        self._sampled.append(drawn[0])
        new = self._unknown(drawn) or self._unknown(self._policy.sample(_DRAWS, self._generator, uniform=_DRAWS // 2))
        chosen = self._screen(new) if new else drawn[0]
        if new:
            self._pending[chosen] = None
        return chosen

    def _unknown(self, encodings: Sequence[Encoding]) -> list[Encoding]:
        """Return those that were never suggested nor learned, each once."""
        return [code for code in dict.fromkeys(encodings) if code not in self._known and code not in self._pending]

    def _screen(self, encodings: list[Encoding]) -> Encoding:
        """Return the most promising of sequences that were drawn: by the model, where there are results for one."""
        s = self.settings
        if s.candidates == 1 or len(self._known) < s.candidates_from:
            return encodings[0]
        if self._model is None:
            self._model = RewardModel(
                list(self._known.items()), [d.name.startswith("skip_") for d in self.space.decisions]
            )
        mean, deviation = self._model.predict(encodings, list(self._pending))
        return encodings[int(np.argmax(mean + s.ucb_beta * deviation))]

    @use_threads(1)  # tensors so small that more threads only wait for each other
    def _warm_start(self, scored: Sequence[tuple[Encoding, float]]) -> None:
        """Fit the policy to q(a) ~ exp(z(a) / T) over what was scored, z the score's rank as a standard normal one.

        That is what REINFORCE with the score as its reward and T as its entropy weight would come to.
        """
        codes, scores = [code for code, _ in scored], np.array([score for _, score in scored])
        ranks = (np.argsort(np.argsort(scores)) + 0.5) / len(scores)
        chances = np.exp(_normal_quantile(ranks) / self.settings.warm_temperature)
        weights = torch.tensor(chances / chances.mean(), dtype=torch.float32)
        optimiser = Adam(self._policy.parameters(), self.settings.learning_rate)
        for _ in range(_WARM_STEPS):
            batch = torch.randint(len(codes), (_WARM_BATCH,), generator=self._generator)
            log_prob, _ = self._policy.log_prob([codes[i] for i in batch.tolist()])
            optimiser.zero_grad()
            (-(weights[batch] * log_prob).mean()).backward()
            optimiser.step()

    def _learn(self, outcomes: Sequence[tuple[Encoding, float]]) -> None:
        self._buffer.extend(outcomes)
        self._model = None
        for code, reward in outcomes:
            self._pending.pop(code, None)
            self._known[code] = max(reward, self._known.get(code, reward))
        size = self.settings.batch_size
        while len(self._buffer) >= size:
            batch, self._buffer = self._buffer[:size], self._buffer[size:]
            self._step([code for code, _ in batch], [reward for _, reward in batch])

    @use_threads(1)  # tensors so small that more threads only wait for each other
    def _step(self, encodings: list[Encoding], rewards: list[float]) -> None:
        s = self.settings
        if self._baseline is None:
            self._baseline = MovingBaseline.start(rewards)
        else:
            self._baseline = self._baseline.follow(rewards, s.baseline_decay, s.advantage_clip)
        advantages = torch.tensor(self._baseline.advantages(rewards, s.advantage_clip), dtype=torch.float32)
        weight = s.entropy_weight * s.entropy_decay**self._steps
        log_prob, entropy = self._policy.log_prob(encodings)
        loss = -(advantages * log_prob + weight * entropy).mean()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._steps += 1

    def _new_policy(self, seed: int) -> tuple[LSTMPolicy, Adam]:
        s = self.settings
        policy = LSTMPolicy(
            self.space,
            seed=seed,
            hidden_size=s.hidden_size,
            temperature=s.temperature,
            tanh_constant=s.tanh_constant,
        )
        return policy, Adam(policy.parameters(), s.learning_rate)

    def _state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        meta = {
            "sampled": [list(code) for code in self._sampled],
            "buffer": [[list(code), reward] for code, reward in self._buffer],
            "baseline": None if self._baseline is None else list(self._baseline),
            "steps": self._steps,
            "known": [[list(code), reward] for code, reward in self._known.items()],
            "pending": [list(code) for code in self._pending],
        }
        tensors = {f"policy.{name}": value for name, value in self._policy.state_dict().items()}
        for index, moments in self._optimiser.state.items():
            tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        return meta, {**tensors, "generator": self._generator.get_state()}

    def _restore(self, meta: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        policy, optimiser = self._new_policy(seed=0)
        policy.load_state_dict({k.removeprefix("policy."): v for k, v in tensors.items() if k.startswith("policy.")})
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key in (k for k in tensors if k.startswith("adam.")):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensors[key]
        optimiser.load(moments)
        generator = torch.Generator()
        generator.set_state(tensors["generator"])
        sampled = deque((tuple(code) for code in meta["sampled"]), maxlen=self.settings.batch_size)
        buffer, known = ([(tuple(code), float(reward)) for code, reward in meta[name]] for name in ("buffer", "known"))
        pending = {tuple(code): None for code in meta["pending"]}
        baseline = None if meta["baseline"] is None else MovingBaseline(*meta["baseline"])
        self._policy, self._optimiser, self._generator = policy, optimiser, generator
        self._sampled, self._buffer, self._baseline, self._steps = sampled, buffer, baseline, int(meta["steps"])
        self._known, self._pending, self._model = dict(known), pending, None


def _normal_quantile(shares: np.ndarray) -> np.ndarray:
    return torch.special.ndtri(torch.tensor(shares, dtype=torch.float64)).numpy()
