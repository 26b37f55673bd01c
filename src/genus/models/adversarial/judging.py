"""What the two players' losses look at: scores, features, and which options contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from genus.core.components import (
    Augmentation,
    AugmentationSchedule,
    BatchStatistics,
    Conditioning,
    Critic,
    DiscriminatorSchedule,
    Objective,
    Penalty,
    Readout,
)
from genus.core.errors import RecipeError
from genus.core.model import MinimumBatch, minimum_batch_of_layers
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.objectives.penalties import SLOPES

_FARTHEST = 8.0
"""No objective has its border beyond this score."""

_HALVINGS = 30


def refuse_contradictions(
    *,
    conditional: bool,
    packing: int,
    controlled: bool,
    augmented: bool,
) -> None:
    """Refuse options of a GAN that make no sense together.

    Args:
        conditional: whether there is a conditioning.
        packing: examples judged together.
        controlled: whether the augmentation's strength is controlled.
        augmented: whether there is an augmentation.

    Raises:
        RecipeError: saying what to choose instead.
    """
    if conditional and packing > 1:
        raise RecipeError(
            "model.packing: examples judged together would have several classes or codes; train with "
            "model.conditioning=null, or without packing"
        )
    if controlled and not augmented:
        raise RecipeError("model.augmentation_schedule: there is no augmentation that it could control")


def refuse_features(conditions: Conditioning, features: int | None, users: Mapping[str, bool]) -> None:
    """Refuse features φ(x) of two sizes, and options that look at features where there are none.

    Args:
        conditions: of the GAN.
        features: size of φ(x), or None.
        users: options that look at features, and whether they are used.

    Raises:
        RecipeError: saying what to choose instead.
    """
    if conditions.reads_features and features is not None:
        raise RecipeError("model.features: set model.conditioning.features, the conditioning has its own")
    for name, used in users.items():
        if used and features is None and not conditions.reads_features:
            raise RecipeError(f"model.{name} looks at features: set model.features, such as 128")


def refuse_borderless(
    objective: Objective, updates: DiscriminatorSchedule | None, strength: AugmentationSchedule | None
) -> None:
    """Refuse what asks on which side of the border scores lie, where an objective has none.

    Raises:
        RecipeError: saying what to choose instead.
    """
    for key, part in (("discriminator_schedule", updates), ("augmentation_schedule", strength)):
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


def augment(changes: Sequence[Augmentation], x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Examples ``(n, channels, *size)`` after all changes, each of ``strength`` in [0, 1]."""
    for change in changes:
        x = change(x, noise, strength)
    return x


def try_out(changes: Sequence[Augmentation], shape: tuple[int, ...]) -> None:
    """Apply augmentations to an example of a shape, so that what they refuse is refused before training.

    Raises:
        RecipeError: for data that they do not suit, or options that make no sense.
    """
    with torch.device("cpu"):  # whatever device the model is built on
        augment(changes, torch.zeros(1, *shape), Noise(0), torch.ones(()))


def pack(x: Tensor, packing: int) -> Tensor:
    """Examples ``(n, channels, *size)`` in packs, ``(n / packing, packing · channels, *size)``.

    What does not fill a pack is left out.

    Raises:
        RecipeError: when not even one pack is filled.

    Paper: arXiv:1712.04086.
    """
    packs = len(x) // packing
    if packs == 0:
        raise RecipeError(f"model.packing={packing} needs batches of as many examples; got {len(x)}")
    return x[: packs * packing].reshape(packs, -1, *x.shape[2:])


def minimum_batch_of_discriminator(
    discriminator: nn.Module, packing: int, batch_statistics: BatchStatistics
) -> MinimumBatch:
    """Fewest examples that a discriminator can be trained on at once, and what needs them.

    Args:
        discriminator: what judges packs.
        packing: examples in a pack.
        crowd: what compares the packs of a batch, of which it then needs two.
    """
    options = {
        "model.minibatch_discrimination": bool(batch_statistics.kernels),
        "model.minibatch_deviation": bool(batch_statistics.group),
        "batch normalisation of vectors": minimum_batch_of_layers(discriminator) > 1,
    }
    why = [name for name, compares in options.items() if compares]
    packs = 2 if why else 1
    if packing > 1:
        why.append(f"model.packing={packing}")
    return MinimumBatch(packs * packing, " and ".join(why))


def feature_distance(real: Readout, fake: Readout) -> Tensor:
    """‖E φ(x) − E φ(G(z))‖², the squared distance of the mean features of two batches.

    Paper: arXiv:1606.03498.
    """
    assert real.features is not None
    assert fake.features is not None
    return (real.features.mean(0) - fake.features.mean(0)).square().sum()


def observe(ctx: Context, real: Readout, fake: Readout, border: float = 0.0) -> None:
    """Log mean scores and how often the discriminator is right.

    Args:
        ctx: of the discriminator's update.
        real: what it says of real examples.
        fake: what it says of generated ones.
        border: the score between the two, see :func:`border_of`.
    """
    right = {
        "real right": (real.score > border).float().mean(),
        "fake right": (fake.score < border).float().mean(),
    }
    ctx.observe(real=real.score.mean(), fake=fake.score.mean(), **right)


def stated_border(objective: Objective) -> float | None:
    """The border that an objective states as its attribute ``border``, where its loss leaves it open."""
    return getattr(getattr(objective, "func", objective), "border", None)


def has_border(objective: Objective) -> bool:
    """Whether equal scores of real and generated examples cost the less, the nearer they are to some score.

    Or else whether the objective states its border. Critics and relativistic discriminators only compare:
    adding to all scores changes nothing.
    """
    found = _slope(objective, -_FARTHEST) < 0 < _slope(objective, _FARTHEST)
    return found or stated_border(objective) is not None


def _slope(objective: Objective, score: float) -> float:
    """d/ds of the discriminator's loss where all scores are s."""
    with torch.enable_grad():
        s = torch.tensor([score], dtype=torch.float64, device="cpu", requires_grad=True)
        return torch.autograd.grad(objective(s, s).discriminator, s)[0].item()


def border_of(objective: Objective) -> float:
    """The score a discriminator gives to everything when it cannot tell real from generated.

    It is where its loss on equal scores is least: 0 for most objectives, ½ for least squares, log((1 − α) /
    (1 + α)) with labels smoothed by α. Objectives that leave it open have the one that they state, or 0 as
    those of critics.
    """
    slope, otherwise = partial(_slope, objective), stated_border(objective) or 0.0
    middle = slope(0.0)
    if abs(middle) < 1e-9:
        return otherwise
    low, high = (0.0, _FARTHEST) if middle < 0 else (-_FARTHEST, 0.0)
    if not slope(low) < 0 < slope(high):
        return otherwise
    for _ in range(_HALVINGS):
        score = (low + high) / 2
        low, high = (score, high) if slope(score) < 0 else (low, score)
    return (low + high) / 2


def penalty_terms(
    penalties: Sequence[Penalty],
    score: Critic,
    real: Tensor,
    fake: Tensor,
    ctx: Context,
    every: int = 1,
) -> dict[str, Tensor]:
    """Penalties of a discriminator, those that are lazy as much stronger as they are rare.

    Args:
        penalties: by their order in the recipe.
        score: from examples to their scores ``(n,)``.
        real: examples ``(n, *shape)``.
        fake: generated ones.
        ctx: of the discriminator's update.
        every: iterations from one to the next; empty in those between.
    """
    if ctx.progress.stage_iteration % every:
        return {}
    return {
        f"penalty {number}": penalty(score, real, fake, ctx.noise) * every
        for number, penalty in enumerate(penalties)
    }


def compares(objective: Objective) -> bool:
    """Whether the generator's loss depends on the scores of real examples, too."""
    with torch.enable_grad():
        real, fake = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
        loss = objective(real, fake).generator
        return torch.autograd.grad(loss, real, allow_unused=True)[0] is not None
