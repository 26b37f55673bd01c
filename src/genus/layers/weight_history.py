"""Historical averaging: a penalty that keeps parameters near the mean of their past values."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightHistory(nn.Module):
    r"""The running mean of a network's parameters, and how far they are from it.

    .. math:: \Big\| \theta - \frac{1}{t} \sum_{i=1}^{t} \theta_i \Big\|^2

    Call ``update`` after each step of the optimiser and add a multiple of ``history()`` to the loss.
    The means and their number are buffers, so that a resumed run goes on with them; the network
    is watched, not owned: its parameters are none of this module's.

    Args:
        module: the network. Its parameters must be there already; they may move between devices.

    Paper: arXiv:1606.03498.
    """

    count: Tensor

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._watched = (module,)  # in a tuple, so that it is not registered a second time
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        for number, parameter in enumerate(module.parameters()):
            wide = torch.promote_types(parameter.dtype, torch.float32)
            self.register_buffer(f"mean_{number}", parameter.detach().clone().to(wide))

    def forward(self) -> Tensor:
        """Squared distance to the mean of the past, a scalar; 0 before the first update."""
        now = [*self._watched[0].parameters()]
        if not now:
            return torch.zeros(())
        distances = [(p - mean).square().sum() for p, mean in zip(now, self._means(), strict=True)]
        return torch.stack(distances).sum() * (self.count > 0)

    @torch.no_grad()
    def update(self) -> None:
        """Take the parameters as they are now into the mean: m ← m + (θ − m)/t."""
        self.count += 1
        for parameter, mean in zip(self._watched[0].parameters(), self._means(), strict=True):
            mean.add_((parameter - mean) / self.count)

    def _means(self) -> list[Tensor]:
        return [mean for name, mean in self.named_buffers() if name.startswith("mean_")]
