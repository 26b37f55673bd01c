"""Train the digit feature network that ships with genus.

    python scripts/train_digit_features.py --data FOLDER

FOLDER holds the four ``*-ubyte.gz`` files of MNIST; ``$GENUS_DATA/mnist`` when not given. Writes
``src/genus/metrics/weights/digits.safetensors`` and refuses to when the test accuracy is below
99.3 %.
"""

from __future__ import annotations

import argparse
import gzip
import math
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from genus.metrics.features import DIGIT_WEIGHTS, DigitNet

REQUIRED = 0.993


def read_idx(path: Path) -> Tensor:
    """Read one gzipped IDX file of bytes."""
    raw = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(raw, ">u4", count=raw[3], offset=4).astype(int)
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape).copy())


def read_split(folder: Path, prefix: str) -> tuple[Tensor, Tensor]:
    """Images ``(n, 1, 28, 28)`` in [0, 1] and labels ``(n,)``."""
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
    return images[:, None].float() / 255, labels.long()


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Turn by up to 12°, scale by up to 10 %, shear a little, shift by up to 2 pixels."""
    n = len(x)
    u = torch.rand(6, n, generator=generator) * 2 - 1
    angle, scale, ratio, shear = u[0] * math.radians(12), 1 + 0.1 * u[1], 1 + 0.05 * u[2], 0.1 * u[3]
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [cos * ratio, -sin + shear, u[4] * 2 / 14, sin, cos / ratio, u[5] * 2 / 14]
    theta = torch.stack(rows, 1).view(n, 2, 3)
    return F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)


def accuracy(net: DigitNet, x: Tensor, y: Tensor) -> float:
    """Share of images whose largest logit is the label."""
    net.eval()
    with torch.no_grad():
        right = [(net(a)[1].argmax(1) == b).sum() for a, b in zip(x.split(500), y.split(500), strict=True)]
    return float(torch.stack(right).sum()) / len(x)


def train(x: Tensor, y: Tensor, *, epochs: int, batch: int, seed: int) -> DigitNet:
    """One-cycle AdamW on augmented images with smoothed labels."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = DigitNet()
    steps = epochs * (len(x) // batch)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps, pct_start=0.2)
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(x), generator=generator)
        for rows in order[: len(x) // batch * batch].split(batch):
            loss = F.cross_entropy(net(augment(x[rows], generator))[1], y[rows], label_smoothing=0.02)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{epochs}: loss {loss.item():.4f}", flush=True)
    return net


def main() -> None:
    """Train, measure, write."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("GENUS_DATA", ".")) / "mnist")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=DIGIT_WEIGHTS)
    args = parser.parse_args()
    net = train(*read_split(args.data, "train"), epochs=args.epochs, batch=args.batch, seed=args.seed)
    score = accuracy(net, *read_split(args.data, "t10k"))
    print(f"test accuracy {score:.4%}, {sum(p.numel() for p in net.parameters()):,} parameters")
    if score < REQUIRED:
        raise SystemExit(f"test accuracy {score:.4%} is below {REQUIRED:.1%}; nothing written")
    record = {
        "data": "MNIST",
        "test_accuracy": f"{score:.4f}",
        "epochs": str(args.epochs),
        "batch": str(args.batch),
        "seed": str(args.seed),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    save_file(state, args.out, metadata=record)


if __name__ == "__main__":
    main()
