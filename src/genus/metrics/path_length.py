"""Perceptual path length: how far images move while their latents take small steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import LatentSpace, StyleSpace
from genus.core.noise import Noise, derive_seed
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import mean_interval, standard_error
from genus.metrics.score import Score, join_notes
from genus.sampling.draw import batch_size, device_of, evaluating

EPSILON = 1e-3
"""Step along a path. The paper's 1e-4 comes near what float32 resolves: for a generator of small slopes
rounding made 1 % of the number, at 1e-3 less than 1e-4 of it; at 1e-2 a path's bends count (4 % in a
StyleGAN2), at 1e-3 not yet (0.3 %)."""

PAIRS = 1_000
"""Most pairs of latents; each needs two images."""

Blend = Callable[[Tensor, Tensor, Tensor], Tensor]


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The point at share t of the straight line from a to b, ``(n, d)``; ``t`` is ``(n,)``."""
    return a + t[:, None] * (b - a)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    r"""The point at share t of the great circle from a to b; their lengths are blended, too.

    .. math:: \frac{\sin((1-t)\omega)}{\sin\omega} a + \frac{\sin(t\omega)}{\sin\omega} b

    with ω the angle between them. Where they point in one direction, or in opposite ones, there is
    no single great circle, and the line is taken.

    Args:
        a: ``(n, d)``.
        b: ``(n, d)``.
        t: shares in [0, 1], ``(n,)``.

    Returns:
        ``(n, d)``.

    >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([1 / 3]))
    tensor([[0.8660, 0.5000]])
    """
    lengths = (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-30)
    cosine = ((a * b).sum(1) / lengths).clamp(-1, 1)
    omega = cosine.acos()
    sine = omega.sin()
    curved = sine > 4 * torch.finfo(sine.dtype).eps ** 0.5  # as exact as an arc cosine near 1
    safe = torch.where(curved, sine, torch.ones_like(sine))
    circle = (((1 - t) * omega).sin() / safe)[:, None] * a + ((t * omega).sin() / safe)[:, None] * b
    return torch.where(curved[:, None], circle, lerp(a, b, t))


def path_lengths(
    generate: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    a: Tensor,
    b: Tensor,
    t: Tensor,
    *,
    blend: Blend = slerp,
    epsilon: float = EPSILON,
) -> Tensor:
    r"""Squared distances per squared step.

    .. math:: \frac{1}{\epsilon^2}
        \lVert \phi(G(\mathrm{blend}(a, b; t))) - \phi(G(\mathrm{blend}(a, b; t + \epsilon))) \rVert^2

    Args:
        generate: latents ``(n, d)`` to examples; what else is random in it must be the same each time.
        features: φ, examples to ``(n, features)``.
        a: one end of each path, ``(n, d)``.
        b: the other end.
        t: where on the path, in [0, 1], ``(n,)``.
        blend: of two ends by a share.
        epsilon: length of the step, as a share of the path.

    Returns:
        ``(n,)``, float64.

    Paper: arXiv:1812.04948, equations 2 and 3.
    """
    here, there = (
        features(generate(blend(a.double(), b.double(), share.double()).to(a.dtype))).double()
        for share in (t, t.double() + epsilon)
    )
    return (here - there).square().flatten(1).sum(1) / epsilon**2


@metric("path-length", paper="arXiv:1812.04948")
@needs(LatentSpace, features=True)
def path_length_scores(evidence: Evidence) -> list[Score]:
    """Mean squared movement along great circles between latents z."""
    model = evidence.model
    assert isinstance(model, LatentSpace)

    def ends(n: int, noise: Noise, condition: Condition | None) -> Tensor:
        return model.draw_latent(n, noise=noise)

    def generate(z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        return model.generate_from(z, condition=condition, noise=noise)

    return [_score("path-length", evidence, ends, generate, slerp, "great circles between latents z")]


@metric("path-length-w", paper="arXiv:1812.04948")
@needs(StyleSpace, features=True)
def style_path_length_scores(evidence: Evidence) -> list[Score]:
    """Mean squared movement along straight lines between styles w."""
    model = evidence.model
    assert isinstance(model, StyleSpace)

    def ends(n: int, noise: Noise, condition: Condition | None) -> Tensor:
        return model.map_latent(model.draw_latent(n, noise=noise), condition=condition)

    def generate(w: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        return model.generate_from_styles(w, noise=noise)

    return [_score("path-length-w", evidence, ends, generate, lerp, "lines between styles w")]


def _score(
    name: str,
    evidence: Evidence,
    ends: Callable[[int, Noise, Condition | None], Tensor],
    generate: Callable[[Tensor, Condition | None, Noise], Tensor],
    blend: Blend,
    along: str,
) -> Score:
    """The score of paths between what ``ends`` draws; both ends of a step see the same other noise."""
    count = min(evidence.protocol.num_samples, PAIRS)
    values = torch.cat(list(_values(evidence, count, ends, generate, blend)))
    low, high = mean_interval(values)
    return Score(
        name=name,
        value=float(values.mean()),
        low=max(0.0, low),
        high=high,
        n=count,
        better="lower",
        own=standard_error(values) ** 2,
        note=join_notes(
            f"along {along}, steps of {EPSILON:g} of the path",
            f"squared distance of the features {evidence.protocol.features}, which is not LPIPS",
            "a generator that always draws the same has 0: read it beside a distance",
            evidence.real.features_note,
        ),
    )


def _values(
    evidence: Evidence,
    count: int,
    ends: Callable[[int, Noise, Condition | None], Tensor],
    generate: Callable[[Tensor, Condition | None, Noise], Tensor],
    blend: Blend,
) -> list[Tensor]:
    """Movements of each path, a batch at a time; a path depends on the seed and its number alone."""
    model, features, seed = evidence.model, evidence.real.feature_map, evidence.protocol.seed
    assert features is not None
    device, conditions = device_of(model), evidence.generated.condition
    batch, found = batch_size(model.spec), list[Tensor]()

    def noise_for(purpose: str, first: int) -> Noise:
        return Noise(derive_seed(seed, "path length", purpose), start=first, block=1, device=device)

    with evaluating(model):
        for first in range(0, count, batch):
            n = min(batch, count - first)
            condition = None if conditions is None else conditions[first : first + n].to(device)
            paths = noise_for("paths", first)
            t, a, b = (
                x.cpu() for x in (paths.uniform(n), ends(n, paths, condition), ends(n, paths, condition))
            )

            def at(latents: Tensor, condition: Condition | None = condition, first: int = first) -> Tensor:
                return generate(latents.to(device), condition, noise_for("else", first)).float().cpu()

            found.append(path_lengths(at, features, a, b, t, blend=blend))
    return found
