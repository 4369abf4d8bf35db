"""A Gaussian process over encodings: what the reward of an architecture is expected to be, and how surely."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nasdip.searchers.searcher import Encoding

# What the marginal likelihood chooses from: length scale (in decisions), share of the additive part, variance of the
# noise relative to the signal's, and what a differing skip counts, where any other decision counts 1.
_LENGTHS, _ADDITIVE, _NOISE, _SKIP_WEIGHTS = (1.0, 2.0, 4.0), (0.0, 0.5), (0.05, 0.2, 0.5), (1.0, 0.3)
# Rewards further below the median, in robust standard deviations, say no more than these.
_LEAST = -2.5
_PER_MEDIAN_DEVIATION = 1.4826
# Outcomes that the model looks at, of each sort: the best and the latest. Its cost grows with the cube of them.
_MOST = 100


class Kernel(NamedTuple):
    """k(a, b) = share (1 - d / D) + (1 - share) exp(-d / length), d the sum of `weights` where a and b differ."""

    length: float
    share: float
    weights: np.ndarray  # (T,)

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the covariances (N, M) of encodings (N, T) and (M, T)."""
        differ = ((a[:, None] != b[None]) * self.weights).sum(-1)
        return self.share * (1 - differ / self.weights.sum()) + (1 - self.share) * np.exp(-differ / self.length)


class RewardModel:
    """Gaussian process regression of rewards on encodings (Rasmussen & Williams, 2006, ch. 2).

    Rewards are standardised by median and median absolute deviation, poor ones limited, so that failed trials do not
    bend it. The kernel and its noise are those of the largest marginal likelihood on a small grid, in which the
    variance of the signal is solved for.

    Parameters
    ----------
    outcomes : sequence of (Encoding, float)
        At least two, in the order in which they came; of many, the best hundred and the latest hundred are used.
    skips : sequence of bool
        For each decision whether it is a cross-level skip: there are many, each of little weight.

    Examples
    --------
    >>> model = RewardModel([((0, 0), 27.0), ((0, 1), 27.1), ((1, 0), 29.0), ((1, 1), 29.2)], [False, False])
    >>> mean, deviation = model.predict([(0, 0), (1, 1)])
    >>> bool(mean[1] > mean[0]), deviation.shape
    (True, (2,))
    """

    def __init__(self, outcomes: Sequence[tuple[Encoding, float]], skips: Sequence[bool]) -> None:
        earlier, latest = list(outcomes[:-_MOST]), list(outcomes[-_MOST:])
        chosen = sorted(earlier, key=lambda outcome: -outcome[1])[:_MOST] + latest
        codes, rewards = np.array([code for code, _ in chosen]), np.array([reward for _, reward in chosen])  # (N, T)
        self._median = float(np.median(rewards))
        deviation = _PER_MEDIAN_DEVIATION * float(np.median(np.abs(rewards - self._median)))
        self._scale = deviation or float(rewards.std()) or 1.0
        values = np.maximum((rewards - self._median) / self._scale, _LEAST)
        self._mean = float(values.mean())
        self._fit(codes, values - self._mean, np.asarray(skips))

    def _fit(self, codes: np.ndarray, values: np.ndarray, skips: np.ndarray) -> None:
        best = np.inf
        weights = [np.where(skips, weight, 1.0) for weight in _SKIP_WEIGHTS[: 2 if skips.any() else 1]]
        for length, share, weight in itertools.product(_LENGTHS, _ADDITIVE, weights):
            kernel = Kernel(length, share, weight)
            covariance = kernel(codes, codes)
            for noise in _NOISE:
                cost, root, amplitude = _likelihood(covariance, values, noise)
                if cost < best:
                    best, self._kernel, self._noise, self._root, self._amplitude = cost, kernel, noise, root, amplitude
        self._codes, self._solved = codes, np.linalg.solve(self._root, values)

    def predict(self, encodings: Sequence[Encoding], pending: Sequence[Encoding] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation (N,) of the rewards of encodings, in the reward's unit.

        `pending` are being tried: the deviation is as if each had come out as expected.
        """
        codes = np.array(encodings)
        across = np.linalg.solve(self._root, self._kernel(self._codes, codes))  # (M, N)
        mean = self._mean + across.T @ self._solved
        variance = self._kernel(codes[:1], codes[:1])[0, 0] - (across**2).sum(0)
        if pending:
            variance = variance - self._known_by(np.array(pending), codes, across)
        deviation = np.sqrt(self._amplitude * np.maximum(variance, 0.0))
        return self._median + self._scale * mean, self._scale * deviation

    def _known_by(self, pending: np.ndarray, codes: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Return what of the variance (N,) the results of pending trials will take."""
        theirs = np.linalg.solve(self._root, self._kernel(self._codes, pending))
        own = self._kernel(pending, pending) - theirs.T @ theirs + self._noise * np.eye(len(pending))
        shared = self._kernel(pending, codes) - theirs.T @ across  # (P, N)
        return (np.linalg.solve(np.linalg.cholesky(own), shared) ** 2).sum(0)


def _likelihood(covariance: np.ndarray, values: np.ndarray, noise: float) -> tuple[float, np.ndarray, float]:
    """Return the negative log marginal likelihood, but for constants, the Cholesky root, and the signal's variance."""
    n = len(values)
    root = np.linalg.cholesky(covariance + noise * np.eye(n))
    amplitude = max(float(np.sum(np.linalg.solve(root, values) ** 2)) / n, 1e-9)
    return 0.5 * n * np.log(amplitude) + float(np.log(np.diag(root)).sum()), root, amplitude
