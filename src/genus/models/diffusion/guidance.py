"""Guidance: away from the estimates of a weaker model, or along the gradient of a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Batch, Condition
from genus.core.components import Network
from genus.core.errors import RecipeError
from genus.core.noise_path import Estimate, like
from genus.core.phase import Context, Phase, Progress, Terms
from genus.core.ranges import Share, ShareBelow1, Weight
from genus.core.registry import group
from genus.layers.condition import StepEmbedding, build_conditioned

if TYPE_CHECKING:
    from genus.models.diffusion.denoising import Denoising


@group
class GuidanceOptions:
    """How samples are guided; with ``scale`` 1 (0 for a classifier) they are those of the plain model.

    Args:
        scale: w. The estimate is that of the weaker model plus w times the difference to the model's own; of
            a classifier, w times ∇ log p(y | x_t) is added to the score.
        condition_dropout: share of training examples whose condition is hidden, so that the model without its
            condition is the weaker one (classifier-free, arXiv:2207.12598).
        guide: a weaker network that is trained beside the model (autoguidance, arXiv:2406.02507).
        guide_share: share of the training during which it is trained.
        classifier: network from noisy examples, and a channel with their time, to classes, trained beside the
            model (arXiv:2105.05233).
    """

    scale: Weight = 1.0
    condition_dropout: ShareBelow1 = 0.0
    guide: Network | None = None
    guide_share: Share = 0.25
    classifier: Network | None = None


class Guidance(nn.Module):
    """No guidance: estimates stay as they are."""

    def __init__(self, options: GuidanceOptions) -> None:
        super().__init__()
        self.scale = options.scale

    guides: ClassVar[bool] = False
    """Whether there is anything that guides."""
    off: ClassVar[float] = 1.0
    """The scale at which estimates are the model's own."""

    @property
    def calls(self) -> int:
        """Networks that an estimate takes, the model's own among them."""
        return 1 + (self.guides and self.scale != self.off)

    def phases(self, model: Denoising) -> list[Phase]:
        """Phases that train what guides."""
        del model
        return []

    def apply_to(
        self, found: Estimate, model: Denoising, x: Tensor, time: Tensor, condition: Condition | None
    ) -> Estimate:
        """The guided estimate; ``found`` is the model's own."""
        del model, x, time, condition
        return found


class ClassifierFree(Guidance):
    """Away from the model without its condition."""

    guides = True

    def apply_to(
        self, found: Estimate, model: Denoising, x: Tensor, time: Tensor, condition: Condition | None
    ) -> Estimate:
        if self.scale == self.off or condition is None:
            return found
        return model.own_estimate(x, time, None).towards(found, self.scale)


class Autoguidance(Guidance):
    """Away from a smaller network that was trained for a shorter time on the same task."""

    guides = True

    def __init__(self, options: GuidanceOptions, network: Network, model: Denoising) -> None:
        super().__init__(options)
        self.share = options.guide_share
        shape, condition = model.spec.shape, model.spec.condition if model.conditional else None
        self.embedding = StepEmbedding(model.features, condition)
        self.network = build_conditioned(network, shape, shape, model.features)

    def phases(self, model: Denoising) -> list[Phase]:
        def loss(batch: Batch, ctx: Context) -> Terms:
            return {"guide": model.loss_of(self.network, self.embedding, batch, ctx)}

        def repeat(progress: Progress) -> int:
            return int(progress.fraction < self.share)

        return [Phase(name="guide", updates={"guide": self.parameters}, loss=loss, repeat=repeat)]

    def apply_to(
        self, found: Estimate, model: Denoising, x: Tensor, time: Tensor, condition: Condition | None
    ) -> Estimate:
        if self.scale == self.off:
            return found
        weaker = model.estimate_of(self.network, self.embedding, x, time, condition)
        return weaker.towards(found, self.scale)


class ClassifierGuidance(Guidance):
    """Along the gradient of a classifier of noisy examples."""

    guides = True
    off = 0.0

    def __init__(self, options: GuidanceOptions, network: Network, model: Denoising) -> None:
        super().__init__(options)
        channels, *sides = model.spec.shape
        self.network = network((channels + 1, *sides), (model.spec.num_classes,))

    def logits(self, model: Denoising, x: Tensor, time: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of noisy examples; the time is a further, constant channel."""
        seen = model.network_input(x, time)
        place = like(model.path.position(time) / 1000, x).expand_as(seen[:, :1])
        return self.network(torch.cat([seen, place], 1))

    def phases(self, model: Denoising) -> list[Phase]:
        def loss(batch: Batch, ctx: Context) -> Terms:
            x, time, noise = model.noisy(batch, ctx)
            labels = model.spec.class_labels(batch.condition)
            assert labels is not None
            found = self.logits(model, model.path.diffuse(x, time, noise), time)
            return {"classifier": F.cross_entropy(found, labels)}

        return [Phase(name="classifier", updates={"classifier": self.parameters}, loss=loss)]

    def apply_to(
        self, found: Estimate, model: Denoising, x: Tensor, time: Tensor, condition: Condition | None
    ) -> Estimate:
        labels = model.spec.class_labels(condition)
        if self.scale == self.off or labels is None:
            return found
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            chosen = self.logits(model, leaf, time).log_softmax(1).gather(1, labels[:, None]).sum()
            (slope,) = torch.autograd.grad(chosen, leaf)
        signal, dirt = (like(number, x) for number in model.path.coefficients(time))
        noise = found.noise - self.scale * dirt * slope
        return Estimate((x - dirt * noise) / signal, noise, found.spread)


def guidance_of(options: GuidanceOptions, model: Denoising) -> Guidance:
    """The guidance that the options name.

    Raises:
        RecipeError: for options that exclude each other, lack each other, or need classes.
    """
    named = [name for name in ("guide", "classifier") if getattr(options, name) is not None]
    named += ["condition_dropout"] if options.condition_dropout else []
    if len(named) > 1:
        raise RecipeError(f"model.guidance: choose one of {' and '.join(named)}")
    if options.guide is not None:
        return Autoguidance(options, options.guide, model)
    if options.classifier is not None:
        model.require("classes, for a classifier that guides", model.spec.num_classes > 1)
        return ClassifierGuidance(options, options.classifier, model)
    if options.scale != 1 and not options.condition_dropout:
        raise RecipeError(
            f"model.guidance.scale={options.scale:g} needs a weaker model: give "
            "guidance.condition_dropout=0.1 (classifier-free), guidance.guide or guidance.classifier"
        )
    hides = bool(options.condition_dropout)
    model.require("a condition, for guidance.condition_dropout", model.conditional or not hides)
    return ClassifierFree(options) if hides else Guidance(options)
