"""Stopping by Stein's unbiased risk estimate."""

from torch import Tensor

from nasdip.errors import NasdipError
from nasdip.fit.stopping.rule import Outputs, StoppingContext, proportional
from nasdip.fit.tensors import real

# Of the noise's standard deviation. A smaller probe is nearer to the derivative, which the chance of two fits hides.
PROBE = 0.3


class Sure:
    r"""Score: Stein's unbiased estimate of the mean squared error, up to a constant.

    .. math:: \frac{1}{n} |\hat x(y) - y|^2 + \frac{2}{n} \sum_i v_i \frac{\partial \hat x_i}{\partial y_i}(y)

    with v the variance of the noise. The divergence is that of the whole fit, y to averaged output, and is estimated by
    Monte Carlo: a copy of the network, with the same weights at the start, z and perturbations, is fitted to
    :math:`y + \epsilon b`, with b standard normal and :math:`\epsilon_i = 0.3 \sqrt{v_i}`, and
    :math:`\sum_i v_i b_i (\hat x_i(y + \epsilon b) - \hat x_i(y)) / \epsilon_i` takes the sum's place. A step costs
    twice as much. For Poisson noise v is the level at every pixel (which is what makes it the Poisson variant).

    References
    ----------
    S. Ramani, T. Blu and M. Unser, Monte-Carlo SURE, IEEE Transactions on Image Processing 17 (2008) 1540-1554; Y. Jo,
    S. Y. Chun and J. Choi, Rethinking Deep Image Prior for Denoising, ICCV 2021, where weights are held fixed for the
    derivative, and the network's input is the noisy image.
    """

    def __init__(self, context: StoppingContext) -> None:
        if context.probe is None:
            raise NasdipError("the rule sure needs the level of the noise: give sigma")
        self._data = context.data
        self._slope = 2 * context.probe / PROBE**2

    def score(self, outputs: Outputs) -> Tensor:
        """Return the estimate, less what is the same at all steps."""
        assert outputs.perturbed_fit is not None
        data, change = self._data, self._data.forward(outputs.perturbed_fit) - self._data.forward(outputs.averaged)
        terms = data.residual(outputs.averaged).square() + self._slope * change
        return real(terms if data.weights is None else terms * data.weights, data.padding).mean()

    def patience(self, best: int) -> int:
        """Return a quarter of the steps so far."""
        return proportional(best, 0.25, 80)
