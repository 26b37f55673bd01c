"""The contract of models: how a model says what it is trained on and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from genus.core.errors import RecipeError
from genus.core.phase import Phase, Stage
from genus.core.spec import DataSpec


class Prepares(ABC):
    """A part of a model that is measured on the training data before anything is trained."""

    @abstractmethod
    def preparation(self) -> Sequence[Stage]:
        """Stages that measure it, none where nothing is to be measured."""


class MinimumBatch(NamedTuple):
    """Fewest examples that a model can be trained on at once, and what needs them, for the error."""

    examples: int
    why: str


class Model(nn.Module, ABC):
    """A generative model with its training as data.

    Everything that must survive a restart is a parameter or a buffer.

    Args:
        spec: the data it is built for.
    """

    partial_labels: bool = False
    """Whether examples may come without their class, which then is −1."""
    one_example: bool = False
    """Whether it learns from a single example, by looking inside it."""
    optimised: bool = True
    """Whether optimisers move its parameters; closed forms have none, and recipes name none for them."""
    example_kinds: tuple[str, ...] = ("vector", "table", "image", "volume", "sequence")
    """Kinds of example it can be built for."""
    partial_examples: bool = False
    """Whether it learns from examples of which some elements are not observed."""
    groups_elsewhere: Sequence[str] = ()
    """Optimiser groups that it may lack, having them for other data; recipes may name them all the same."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.spec = spec
        self.require(f"examples of kind {', '.join(self.example_kinds)}", spec.kind in self.example_kinds)
        self.require("examples without missing values", self.partial_examples or not spec.missing)

    def phases(self) -> Sequence[Phase]:
        """Phases of the only stage; models with several stages override :meth:`stages`."""
        raise TypeError(f"{type(self).__name__} defines neither phases() nor stages()")

    def stages(self) -> Sequence[Stage]:
        """Stages in order; by default those that prepare and one of :meth:`phases`."""
        return [*self.preparation(), Stage(name="train", phases=self.phases())]

    def preparation(self) -> list[Stage]:
        """Stages that measure what its parts need to know of the data, see :class:`Prepares`."""
        return [stage for part in _own_parts(self) for stage in part.preparation()]

    def minimum_batch(self) -> MinimumBatch:
        """Fewest examples that it can be trained on at once; by default what its layers need."""
        return MinimumBatch(minimum_batch_of_layers(self), "batch normalisation of vectors")

    def require(self, what: str, holds: bool) -> None:
        """Refuse data this model cannot be built for.

        Raises:
            RecipeError: when ``holds`` is false: ``"realnvp needs …; the data are …"``.
        """
        if not holds:
            raise RecipeError(f"{type(self).__name__} needs {what}; the data are: {self.spec.describe()}")

    def require_condition(self, conditional: bool, *kinds: str) -> None:
        """Refuse data without a paired condition, or with one of another kind, for a conditional model.

        Args:
            conditional: whether it is.
            kinds: of condition that it understands; none for all.

        Raises:
            RecipeError: naming what is missing.
        """
        space = self.spec.condition
        if not conditional:
            return
        self.require(f"{' or '.join(kinds) or 'a condition'} to be conditional", space is not None)
        self.require("conditions that belong to their examples to be conditional", self.spec.paired)
        fits = not kinds or (space is not None and space.kind in kinds)
        self.require(f"{' or '.join(kinds)} to be conditional", fits)


def minimum_batch_of_layers(network: nn.Module) -> int:
    """Fewest examples that all layers of a network can be trained on.

    Those that need more than one have an attribute ``minimum_examples``.
    """
    return max(getattr(layer, "minimum_examples", 1) for layer in network.modules())


def _own_parts(module: nn.Module) -> list[Prepares]:
    """Parts to prepare, without those of models inside, which were prepared where they were trained."""
    found: list[Prepares] = [module] if isinstance(module, Prepares) else []
    for part in module.children():
        if not isinstance(part, Model):
            found += _own_parts(part)
    return found
