"""The softmax GAN: which examples of a batch are real is one choice among all of them."""

from __future__ import annotations

import torch
from torch import Tensor

from genus.core.components import Losses
from genus.core.registry import objective


@objective("softmax", paper="arXiv:1704.06191")
def softmax(real: Tensor, fake: Tensor) -> Losses:
    r"""Cross-entropy between a softmax over the whole batch and a target share for each example.

    .. math:: L_D = -\sum_{x} \frac{D(x)}{n} + \log Z, \quad
        L_G = -\sum_{x} \frac{D(x)}{n + m} - \sum_{z} \frac{D(G(z))}{n + m} + \log Z

    with :math:`Z = \sum_x e^{D(x)} + \sum_z e^{D(G(z))}`. D's targets are equal shares of the
    real examples, G's are equal shares of all. The paper writes μ for −D. Scores ``(n, places)`` make one
    softmax over the batch at each place.

    Args:
        real: scores of real examples, ``(n,)``.
        fake: scores of generated examples, ``(m,)``.
    """
    everything = torch.cat([real, fake])
    log_z = everything.logsumexp(0).mean()  # over places
    return Losses(log_z - real.mean(), log_z - everything.mean())


softmax.couples_batch = True  # type: ignore[attr-defined]
