"""Terms of a GAN's losses beside the objective, and what the discriminator's updates log."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from genus.core.components import Critic, Penalty, Readout
from genus.core.observations import Observation
from genus.core.phase import Context


def penalty_terms(
    penalties: Sequence[Penalty],
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    ctx: Context,
    every: int = 1,
) -> dict[str, Tensor]:
    """Penalties of a discriminator, those that are lazy as much stronger as they are rare.

    Args:
        penalties: by their order in the recipe.
        critic: from examples to their scores ``(n,)``, the mean over places where there are several.
        real: examples ``(n, *shape)``.
        fake: generated ones.
        ctx: of the discriminator's update.
        every: iterations from one to the next; empty in those between.
    """
    if ctx.progress.stage_iteration % every:
        return {}
    return {
        f"penalty {number}": penalty(critic, real, fake, ctx.noise) * every
        for number, penalty in enumerate(penalties)
    }


def feature_distance(real: Readout, fake: Readout) -> Tensor:
    """‖E φ(x) − E φ(G(z))‖², the squared distance of the mean features of two batches.

    Paper: arXiv:1606.03498.
    """
    assert real.features is not None
    assert fake.features is not None
    return (real.features.mean(0) - fake.features.mean(0)).square().sum()


def log_scores(ctx: Context, real: Readout, fake: Readout, border: float = 0.0) -> None:
    """Log mean scores, and the share of scores on their side of the border; each place counts.

    Args:
        ctx: of the discriminator's update.
        real: readout of real examples.
        fake: readout of generated ones.
        border: the score between the two, see :func:`genus.models.adversarial.score_border.border_of`.
    """
    ctx.observe(
        **{
            Observation.REAL: real.score.mean(),
            Observation.FAKE: fake.score.mean(),
            Observation.REAL_RIGHT: (real.score > border).float().mean(),
            Observation.FAKE_RIGHT: (fake.score < border).float().mean(),
        }
    )
