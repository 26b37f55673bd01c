"""Regularisation of the weights of one network: terms in its loss, and bounds after its updates."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from genus.core.components import Regulariser
from genus.core.phase import Terms
from genus.layers.weight_history import WeightHistory
from genus.objectives.regularisers import clip_weights


class WeightRegularisation(nn.Module):
    """Regularises the weights of a generator or a discriminator, which it watches and does not own.

    Args:
        network: whose weights.
        regularisers: terms on them.
        history: weight of the squared distance to the mean of all earlier weights; None for none.
        clip: bound of each weight; None for none.
    """

    def __init__(
        self,
        network: nn.Module,
        regularisers: Sequence[Regulariser],
        *,
        history: float | None,
        clip: float | None = None,
    ) -> None:
        super().__init__()
        self._network = (network,)  # in a tuple, so that it is not registered a second time
        self.regularisers = tuple(regularisers)
        self.history_weight = history
        self.history = WeightHistory(network) if history is not None else None
        self.clip = clip

    def terms(self) -> Terms:
        """Scalar terms of the network's loss."""
        (network,) = self._network
        terms: dict[str, Tensor] = {
            f"regulariser {i}": term(network) for i, term in enumerate(self.regularisers)
        }
        if self.history is not None and self.history_weight is not None:
            terms["history"] = self.history_weight * self.history()
        return terms

    def after_update(self) -> None:
        """Clip the weights, and take them into their mean."""
        if self.clip is not None:
            clip_weights(self._network[0], self.clip)
        if self.history is not None:
            self.history.update()
