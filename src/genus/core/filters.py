"""What models can show of their first layer."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class ShowsFilters(ABC):
    """Has hidden units that each weigh all elements of an example."""

    @abstractmethod
    def filters(self) -> Tensor:
        """Weights of each unit of the first hidden layer, ``(units, *spec.shape)``."""
