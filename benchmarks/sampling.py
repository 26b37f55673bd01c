"""Sampling speed of autoregressive models against running the whole network for every element.

    python -m benchmarks.sampling

The naive sampler is the definition of ancestral sampling and gives the same samples.
"""

from __future__ import annotations

import torch

from benchmarks.harness import HEAD, Comparison, alternate, timed
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.autoregressive.pixelcnn import PixelCNN
from genus.networks.pixelcnn import pixelcnn


def naive(model: PixelCNN, n: int, noise: Noise) -> torch.Tensor:
    """Run the whole network once per element."""
    uniform = noise.uniform(n, *model.shape)
    canvas = torch.zeros_like(uniform)
    channels, height, width = model.shape
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    found = model.network(canvas).unflatten(1, (channels, -1))[:, c, :, i, j]
                    canvas[:, c, i, j] = model.choose(found, uniform[:, c, i, j])
    return canvas


def pixels(n: int = 16, side: int = 28) -> Comparison:
    """PixelCNN of the recipe's size on grey images with four levels."""
    torch.manual_seed(0)
    spec = DataSpec(example=Space(kind="image", shape=(1, side, side), range=(0.0, 1.0)))
    model = PixelCNN(spec, network=pixelcnn, levels=4)
    ours = timed(lambda: model.sample(n, noise=Noise(0)))
    rival = timed(lambda: naive(model, n, Noise(0)))
    return alternate(f"PixelCNN {side}×{side}, {n} samples, vs whole network per pixel", ours, rival, turns=3)


if __name__ == "__main__":
    print(HEAD)
    print(pixels().line())
