"""A classifier: no generative model, but what generative models are judged by."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genus.core.batch import Batch
from genus.core.capabilities import Recognises
from genus.core.components import Network
from genus.core.model import Model
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Natural, ShareBelow1
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling


@model("classifier")
class Classifier(Model, Recognises):
    """A network that classifies labelled data; its features serve to compare distributions.

    Softmax regression on the rectified features of a network, trained by the cross-entropy on
    randomly shifted examples.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        encoder: Network,
        features: Count = 64,
        dropout: ShareBelow1 = 0.0,
        shift: Natural = 0,
    ) -> None:
        """Build the network and its read-out.

        Args:
            encoder: network from example to features.
            features: number of features.
            dropout: share of features dropped in training, in [0, 1).
            shift: most elements by which training examples are shifted along each spatial axis;
                what comes in at an edge repeats it. No effect on vectors.
        """
        super().__init__(spec)
        self.require("labels: at least two classes", spec.num_classes >= 2)
        self.require(
            f"spatial sides of more than shift = {shift}", min(spec.shape[1:], default=shift + 1) > shift
        )
        self.scaling = Scaling(spec)
        self.num_features = features
        self.encoder = encoder(spec.shape, (features,))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, spec.num_classes)
        self.shift = shift

    def phases(self) -> Sequence[Phase]:
        """One update of everything by the cross-entropy."""
        return [Phase(name="classifier", updates={"classifier": self.parameters}, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Cross-entropy of the classes; the share of examples read rightly is logged."""
        labels = self.spec.class_labels(batch.condition)
        assert labels is not None
        x = batch.x
        if self.shift and len(self.spec.shape) > 1:
            axes = len(self.spec.shape) - 1
            offsets = ctx.noise.integers(2 * self.shift + 1, len(x), axes)
            x = shifted(x, offsets - self.shift)
        logits = self.classify(x)
        ctx.observe(accuracy=(logits.argmax(1) == labels).float().mean())
        return {"cross-entropy": F.cross_entropy(logits, labels)}

    def features(self, x: Tensor) -> Tensor:
        return F.relu(self.encoder(self.scaling.inward(x)))

    def read_out(self, features: Tensor) -> Tensor:
        return self.head(self.dropout(features))


def shifted(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift each example along its spatial axes; what comes in at an edge repeats it.

    Args:
        x: ``(n, channels, *size)``.
        offsets: whole numbers ``(n, axes)``; element i moves to i + offset.

    >>> shifted(torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([[1]]))
    tensor([[[1., 1., 2.]]])
    """
    for axis, side in enumerate(x.shape[2:]):
        places = torch.arange(side, device=x.device) - offsets[:, axis, None]
        places = places.clamp(0, side - 1)  # (n, side)
        shape = [len(x), *itertools.repeat(1, x.dim() - 1)]
        shape[axis + 2] = side
        x = x.gather(axis + 2, places.reshape(shape).expand_as(x))
    return x
