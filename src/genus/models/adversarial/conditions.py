"""How a class reaches the players of a GAN: read in beside the input, or read out of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genus.core.components import Conditions, Network
from genus.core.errors import RecipeError
from genus.core.registry import conditioning
from genus.core.spec import DataSpec


class Unconditional(Conditions):
    """No condition: networks see the latent or the example alone."""

    def generator(self, network: Network, latent: int) -> nn.Module:
        return _IgnoresClass(network((latent,), self.spec.shape))

    def discriminator(self, network: Network) -> nn.Module:
        return _Scores(network(self.spec.shape, (1,)))


@conditioning("concatenation", paper="arXiv:1411.1784")
class Concatenation(Conditions):
    """The class stands beside the input: an embedding beside the latent, constant maps beside the image."""

    def __init__(self, spec: DataSpec, *, embedding: int = 32) -> None:
        """Build for labelled data.

        Args:
            embedding: size of the generator's class embedding.
        """
        super().__init__(spec)
        self.classes = _classes(spec, "concatenation")
        self.embedding = embedding

    def generator(self, network: Network, latent: int) -> nn.Module:
        net = network((latent + self.embedding,), self.spec.shape)
        return _EmbedsClass(net, self.classes, self.embedding)

    def discriminator(self, network: Network) -> nn.Module:
        channels, *size = self.spec.shape
        return _ClassMaps(network((channels + self.classes, *size), (1,)), self.classes)


@conditioning("projection", paper="arXiv:1802.05637")
class Projection(Conditions):
    """The discriminator scores w·φ(x) + e(y)·φ(x); the generator gets an embedding beside its latent."""

    def __init__(self, spec: DataSpec, *, embedding: int = 32, features: int = 128) -> None:
        """Build for labelled data.

        Args:
            embedding: size of the generator's class embedding.
            features: size of φ(x).
        """
        super().__init__(spec)
        self.classes = _classes(spec, "projection")
        self.embedding = embedding
        self.features = features

    def generator(self, network: Network, latent: int) -> nn.Module:
        net = network((latent + self.embedding,), self.spec.shape)
        return _EmbedsClass(net, self.classes, self.embedding)

    def discriminator(self, network: Network) -> nn.Module:
        return _Projects(network(self.spec.shape, (self.features,)), self.classes, self.features)


def _classes(spec: DataSpec, name: str) -> int:
    if not spec.classes:
        raise RecipeError(
            f"conditioning {name!r} needs classes; the data have none: {spec.describe()}. Use "
            "labelled data, or model.conditioning=null"
        )
    return spec.num_classes


class _IgnoresClass(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        return self.network(z)


class _Scores(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, given: Tensor | None = None) -> Tensor:
        return self.network(x).squeeze(1).float()


class _EmbedsClass(nn.Module):
    def __init__(self, network: nn.Module, classes: int, size: int) -> None:
        super().__init__()
        self.network = network
        self.embedding = nn.Embedding(classes, size)

    def forward(self, z: Tensor, given: Tensor) -> Tensor:
        return self.network(torch.cat([z, self.embedding(given)], 1))


class _ClassMaps(nn.Module):
    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network = network
        self.classes = classes

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        maps = nn.functional.one_hot(given, self.classes).to(x.dtype)
        maps = maps.reshape(*maps.shape, *(1,) * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return self.network(torch.cat([x, maps], 1)).squeeze(1).float()


class _Projects(nn.Module):
    def __init__(self, network: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.network = network
        self.weight = nn.Linear(features, 1)
        self.embedding = nn.Embedding(classes, features)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(features))

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        phi = nn.functional.leaky_relu(self.network(x), 0.2)
        with torch.autocast(x.device.type, enabled=False):  # a score of 70.3 has no bf16 neighbour
            phi = phi.to(self.weight.weight.dtype)
            return self.weight(phi).squeeze(1) + (self.embedding(given) * phi).sum(1)
