"""How samples are drawn from a trained model, beside seed and condition."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass

from genus.core.binder import bind, resolve
from genus.core.components import Sampler
from genus.core.errors import InputError, RecipeError
from genus.core.recipe_text import parse_yaml


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Choices in the drawing of samples; by default a model draws as its recipe says.

    Args:
        truncation: quality for diversity. Latents are drawn from [−t, t] alone, t > 0 (arXiv:1809.11096); of
            models with styles it is ψ in [0, 1], the share of the way from the mean style (arXiv:1812.04948).
            None for neither.
        standing: beside a truncation, batch norms normalise by statistics of truncated latents, see
            :func:`genus.sampling.standing_statistics.standing_statistics`; else by those of training.
        means: without the noise of p(x | latent) in models that have such; the others draw as always.
        sampler: in place of the recipe's: a name (``genus list samplers``), or YAML's text of a mapping of
            ``name`` and arguments; empty for the recipe's.
        steps: of the sampler, ≥ 1; None for those of the recipe.
        guidance: scale of the guidance, ≥ 0; None for that of the recipe.

    Raises:
        InputError: for a number out of range, or ``standing`` without a truncation.
    """

    truncation: float | None = None
    standing: bool = False
    means: bool = False
    sampler: str = ""
    steps: int | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        if self.standing and self.truncation is None:
            raise InputError("standing statistics are those of truncated latents: give a truncation, too")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"steps {self.steps}: a sampler takes one at least")
        if self.guidance is not None and not 0 <= self.guidance < math.inf:
            raise InputError(f"guidance {self.guidance:g}: a scale is 0 or more")

    @property
    def chooses_sampler(self) -> bool:
        """Whether a sampler, its steps or its guidance are not those of the recipe."""
        return bool(self.sampler) or self.steps is not None or self.guidance is not None


AS_TRAINED = Drawing()
"""Samples as the recipe says."""


class ChoosesSampler(ABC):
    """Draws samples by a sampler that calls the model step by step, and can be another than the recipe's."""

    calls: int = 0
    """Evaluations of networks per sample in the last drawing; 0 before the first."""

    @abstractmethod
    def sampled_by(self, drawing: Drawing) -> AbstractContextManager[None]:
        """A context in which samples are drawn by this sampler, its steps and its guidance.

        Raises:
            CapabilityError: for guidance of a model that nothing guides.
            InputError: for an unknown sampler, or steps that it cannot take.
        """


def sampler_of(text: str) -> Sampler:
    """The sampler that a text names, with its arguments bound; see :class:`Drawing`.

    Raises:
        InputError: for an unknown name or argument.
    """
    try:
        value = parse_yaml(text, "sampler") if text.startswith("{") else text
        return bind("sampler", resolve("sampler", value, "sampler"))
    except RecipeError as error:
        raise InputError(str(error)) from None
