"""The LSTM policy: a distribution over the architectures of a search space."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from nasdip.errors import NasdipError
from nasdip.searchers.searcher import Encoding
from nasdip.space.search_space import SearchSpace


class LSTMPolicy(nn.Module):
    """Autoregressive distribution p(a) = prod_t p(a_t | a_1 ... a_t-1) over encodings (Zoph & Le, ICLR 2017).

    An LSTM reads the embedding of the previous decision's option (one table for all decisions; a start token first),
    and a linear head for each decision gives the logits z of its options. Options that the space does not allow get
    probability 0, so that a decision with one allowed option has log-probability and entropy 0. The heads start at
    zero: the first policy draws uniformly from the allowed options of every decision.

    Parameters
    ----------
    space : SearchSpace
        Gives the decisions and the masks.
    seed : int
        Of the weights; the global random number generator is not touched.
    hidden_size : int
        Of the LSTM and the embedding. Larger = can tell more patterns apart, slower.
    temperature : float
        Logits are z / temperature. Larger = closer to uniform, slower to commit (5 in ENAS).
    tanh_constant : float or None
        Where given, logits are tanh_constant * tanh(z / temperature): no option is ever ruled out (Bello et al.,
        ICLR 2017; 2.5 in ENAS). Smaller = more exploration at the end.

    Examples
    --------
    >>> policy = LSTMPolicy(SearchSpace.load("tiny"), seed=0, hidden_size=8)
    >>> encodings = policy.sample(3, torch.Generator().manual_seed(0))
    >>> log_prob, entropy = policy.log_prob(encodings)
    >>> log_prob.shape, bool((entropy > 0).all())
    (torch.Size([3]), True)
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        hidden_size: int = 64,
        temperature: float = 1.0,
        tanh_constant: float | None = None,
    ) -> None:
        super().__init__()
        self._space = space
        # A sample's masks are wanted again when its reward comes.
        self._mask = lru_cache(maxsize=2**15)(space.mask)
        self._temperature = temperature
        self._tanh_constant = tanh_constant
        counts = [len(decision.options) for decision in space.decisions]
        self._width = max(counts)
        # Token 0 starts a sequence; option o of decision t is token first[t] + o.
        self._first = [1 + sum(counts[:t]) for t in range(len(counts))]
        with torch.random.fork_rng(devices=[]):
            self.embedding = nn.Embedding(1 + sum(counts), hidden_size)
            self.lstm = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.heads = nn.Parameter(torch.zeros(len(counts), hidden_size, self._width))
        self.biases = nn.Parameter(torch.zeros(len(counts), self._width))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.embedding.weight.normal_(generator=generator)
            for parameter in self.lstm.parameters():
                parameter.uniform_(-(hidden_size**-0.5), hidden_size**-0.5, generator=generator)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, uniform: int = 0) -> list[Encoding]:
        """Draw `count` valid encodings at once, with the random numbers of `generator` alone.

        The last `uniform` of them are drawn uniformly from the allowed options of every decision.
        """
        encodings: list[Encoding] = [()] * count
        tokens = torch.zeros(count, 1, dtype=torch.long)
        state = None
        for t, first in enumerate(self._first):
            hidden, state = self.lstm(self.embedding(tokens), state)  # (N, 1, H)
            masks = self._pad([self._mask(code) for code in encodings])  # (N, K)
            logits = self._logits(hidden, slice(t, t + 1))[:, 0]  # (N, K)
            logits[count - uniform :] = 0.0
            probabilities = logits.masked_fill(~masks, -torch.inf).softmax(-1)
            chosen = torch.multinomial(probabilities, 1, generator=generator)  # (N, 1)
            encodings = [(*code, option) for code, option in zip(encodings, chosen[:, 0].tolist(), strict=True)]
            tokens = first + chosen
        return encodings

    def log_prob(self, encodings: Sequence[Encoding]) -> tuple[Tensor, Tensor]:
        """Return log p(a), in nats, and the entropy along a, for N encodings; two tensors of shape (N,).

        The entropy is the sum over t of the entropy of p(. | a_1 ... a_t-1); its mean over sequences drawn from the
        policy is an unbiased estimate of the entropy of the whole distribution. Both are differentiable.
        NasdipError where the space does not allow an option of an encoding.
        """
        options = torch.tensor(encodings)  # (N, T)
        masks = self._masks(encodings)  # (N, T, K)
        if not bool(masks.gather(-1, options[..., None]).all()):
            raise NasdipError(
                f"search space '{self._space.name}' does not allow one of these encodings: encode architectures"
            )
        tokens = torch.zeros_like(options)
        tokens[:, 1:] = options[:, :-1] + torch.tensor(self._first[:-1])
        hidden, _ = self.lstm(self.embedding(tokens))  # (N, T, H)
        log_p = self._logits(hidden, slice(None)).masked_fill(~masks, -torch.inf).log_softmax(-1)
        # A masked option has p log p = 0, where the product would be 0 * -inf.
        entropy = -(log_p.exp() * log_p.masked_fill(~masks, 0.0)).sum((-1, -2))
        return log_p.gather(-1, options[..., None]).sum((-1, -2)), entropy

    def _logits(self, hidden: Tensor, steps: slice) -> Tensor:
        logits = torch.einsum("nth,thk->ntk", hidden, self.heads[steps]) + self.biases[steps]
        logits = logits / self._temperature
        return logits if self._tanh_constant is None else self._tanh_constant * logits.tanh()

    def _masks(self, encodings: Sequence[Encoding]) -> Tensor:
        rows = [self._mask(code[:t]) for code in encodings for t in range(len(code))]
        return self._pad(rows).view(len(encodings), -1, self._width)

    def _pad(self, masks: Sequence[tuple[bool, ...]]) -> Tensor:
        return torch.from_numpy(np.array([mask + (False,) * (self._width - len(mask)) for mask in masks]))
