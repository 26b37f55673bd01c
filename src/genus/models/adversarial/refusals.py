"""Refusals of a GAN's options that make no sense together, each with what to choose instead."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from genus.core.components import (
    AugmentationSchedule,
    Conditioning,
    DiscriminatorSchedule,
    Objective,
    Penalty,
)
from genus.core.errors import RecipeError
from genus.core.model import MinimumBatch, minimum_batch_of_layers
from genus.models.adversarial.conditioned_input import ImageBeside
from genus.models.adversarial.gan_options import AugmentationOptions, FeatureOptions
from genus.models.adversarial.score_border import has_border
from genus.objectives.penalties import SLOPES


def refuse_packs_of_conditions(packing: int, conditional: bool) -> None:
    """Refuse to judge examples together that have conditions.

    Raises:
        RecipeError: saying what to choose instead.
    """
    if conditional and packing > 1:
        raise RecipeError(
            "model.packing: examples judged together would have several classes or codes; train with "
            "model.conditioning=null, or without packing"
        )


def refuse_augmentation(augmentation: AugmentationOptions, discriminator: nn.Module) -> None:
    """Refuse a schedule without an augmentation, and an augmentation beside an image that it does not move.

    Raises:
        RecipeError: saying what to choose instead.
    """
    if augmentation.schedule is not None and not augmentation.transforms:
        raise RecipeError(
            "model.augmentation.schedule: there is no augmentation that it could control; set "
            "model.augmentation.transforms"
        )
    if augmentation.transforms and isinstance(discriminator.conditioned_input, ImageBeside):
        raise RecipeError(
            "model.augmentation moves the example and not the image beside it; train without, or with "
            "model.conditioning=projection"
        )


def refuse_features(features: FeatureOptions, conditioning: Conditioning) -> None:
    """Refuse features φ(x) of two sizes, and options on features where there are none.

    Raises:
        RecipeError: saying what to choose instead.
    """
    if conditioning.reads_features and features.size is not None:
        raise RecipeError(
            "model.features.size: set model.conditioning.features, the conditioning has its own"
        )
    for name in ("matching", "minibatch_discrimination", "minibatch_deviation"):
        used = getattr(features, name) is not None
        if used and features.size is None and not conditioning.reads_features:
            raise RecipeError(
                f"model.features.{name} looks at features: set model.features.size, such as 128"
            )


def refuse_generator_without_loss(objective_weight: float, matching: float | None) -> None:
    """Refuse a generator that neither the objective nor matched features teach.

    Raises:
        RecipeError: saying what to choose instead.
    """
    if not (objective_weight or matching):
        raise RecipeError(
            "model.objective_weight must be positive, or 0 beside model.features.matching: else the "
            "generator has nothing to learn from"
        )


def refuse_borderless(
    objective: Objective, updates: DiscriminatorSchedule | None, strength: AugmentationSchedule | None
) -> None:
    """Refuse options that need a border between real and generated scores, where an objective has none.

    Raises:
        RecipeError: saying what to choose instead.
    """
    for key, part in (("discriminator_schedule", updates), ("augmentation.schedule", strength)):
        if part is not None and part.needs_border and not has_border(objective):
            raise RecipeError(
                f"model.{key} counts how often the discriminator is right, but model.objective gives its "
                "scores no border between real and generated: where these cannot be told apart, no one "
                "score is best. Choose an objective that has a border, such as non-saturating or hinge, or "
                f"another model.{key}"
            )


def refuse_coupled_slopes(penalties: Sequence[Penalty], discriminator: nn.Module) -> None:
    """Refuse slopes of each example's score where batch normalisation makes it depend on the others.

    Raises:
        RecipeError: saying what to choose instead.

    Paper: arXiv:1704.00028, section 4.
    """
    slopes = any(getattr(penalty, "func", penalty) in SLOPES for penalty in penalties)
    if slopes and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in discriminator.modules()):
        raise RecipeError(
            "model.penalties: batch normalisation mixes the examples of a batch, so that the slope of one's "
            "score would be that of all; set model.discriminator.norm=layer or none"
        )


def minimum_batch_of_discriminator(
    discriminator: nn.Module, packing: int, features: FeatureOptions
) -> MinimumBatch:
    """Fewest examples that a discriminator can be trained on at once, and what needs them.

    Args:
        discriminator: what judges packs.
        packing: examples in a pack.
        features: options that compare the packs of a batch need two of them.
    """
    options = {
        "model.features.minibatch_discrimination": features.minibatch_discrimination is not None,
        "model.features.minibatch_deviation": features.minibatch_deviation is not None,
        "batch normalisation of vectors": minimum_batch_of_layers(discriminator) > 1,
    }
    why = [name for name, compares in options.items() if compares]
    packs = 2 if why else 1
    if packing > 1:
        why.append(f"model.packing={packing}")
    return MinimumBatch(packs * packing, " and ".join(why))
