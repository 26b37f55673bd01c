"""Training speed against libraries that pip installs: `make bench` (see docs/ledger.md).

torchgan imports torchvision for its image grids; where that cannot be installed an empty module
takes its place, for none of what is timed uses it.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.harness import (
    Comparison,
    alternate,
    engine_turn,
    folder,
    noise_images,
    print_table,
    timed,
    vectors,
)


def digits() -> np.ndarray:
    """The embedded training digits, float32 ``(4500, 1, 28, 28)``."""
    from genus.assembly import open_data
    from genus.verbs.show import show

    source = open_data(show("default")).train
    return source.batch(np.arange(len(source))).x.numpy()


def dcgan(precision: str) -> Comparison:
    """DCGAN steps on 32×32 colour at batch 64: width 64, both players, Adam, same layers."""
    sys.modules.setdefault("torchvision", types.ModuleType("torchvision"))
    from torchgan.losses.minimax import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models.dcgan import DCGANDiscriminator, DCGANGenerator

    steps, batch = 4, 64
    generator = DCGANGenerator(100, 32, 3, 64, nonlinearity=torch.nn.ReLU())
    discriminator = DCGANDiscriminator(32, 3, 64, last_nonlinearity=torch.nn.LeakyReLU(0.2))
    adam_g = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    loss_g, loss_d = MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()
    real = torch.rand(batch, 3, 32, 32) * 2 - 1
    cpu = torch.device("cpu")

    def rival() -> None:
        for _ in range(steps):
            loss_d.train_ops(generator, discriminator, adam_d, real, cpu)
            loss_g.train_ops(generator, discriminator, adam_g, cpu, batch)

    path = noise_images((512, 3, 32, 32))
    network = {"name": "dcgan", "width": 64}
    recipe = {
        "model": {"name": "gan", "generator": network, "discriminator": network, "latent": 100,
                  "objective": "non-saturating"},
        "optimizer": {"name": "adam", "lr": 2e-4, "betas": [0.5, 0.999]},
        "data": path,
        "train": {"length": 1, "batch": batch, "channels_last": True, "precision": precision},
    }  # fmt: skip
    ours = engine_turn(recipe, [], steps, "iterations")
    return alternate(f"DCGAN 3×32×32, 4 steps, {precision}, vs torchgan 0.1.0", ours, timed(rival))


def vae() -> Comparison:
    """One epoch of an MLP VAE (784-512-10-512-784) at batch 64 on 4,500 digits."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    x = digits()
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=10, reconstruction_loss="bce")
    model = VAE(config)
    data = BaseDataset(torch.from_numpy(x), torch.zeros(len(x)))
    settings = BaseTrainerConfig(
        output_dir=folder(), num_epochs=1, learning_rate=1e-3, per_device_train_batch_size=64, no_cuda=True
    )
    trainer = BaseTrainer(model=model, train_dataset=data, training_config=settings)
    trainer.prepare_training()

    def rival() -> None:
        trainer.train_step(epoch=1)

    overrides = [
        "model.encoder={name: mlp, hidden: [512]}", "model.decoder={name: mlp, hidden: [512]}",
        "model.latent=10", "train.batch=64", "train.ema=null", "train.channels_last=false",
        "train.schedule=constant",
    ]  # fmt: skip
    ours = engine_turn("vae", overrides, 1, "epochs")
    return alternate("VAE (MLP), epoch of 4,500 digits, vs pythae 0.1.2", ours, timed(rival))


def rbm(batch: int) -> Comparison:
    """One epoch of persistent CD-1, 784 × 256, on 4,500 digits; neither draws binary data from them."""
    from sklearn.neural_network import BernoulliRBM

    x = digits().reshape(-1, 784)
    rival = BernoulliRBM(256, batch_size=batch, n_iter=1, random_state=0)
    overrides = [
        "model.hidden=256", "model.steps=1", "model.binary_data=false", f"model.num_chains={batch}",
        f"train.batch={batch}", "train.schedule=constant",
    ]  # fmt: skip
    ours = engine_turn("rbm", overrides, 1, "epochs")
    return alternate(
        f"RBM 784×256, epoch of 4,500 digits as they are, batch {batch}, vs scikit-learn",
        ours,
        timed(lambda: rival.fit(x)),
    )


def flow() -> Comparison:
    """RealNVP training steps in 64 dimensions: 4 couplings, 2 × 128 hidden units, batch 256."""
    import zuko

    x = torch.randn(256, 64)
    theirs = zuko.flows.RealNVP(64, transforms=4, hidden_features=(128, 128))
    adam = torch.optim.Adam(theirs.parameters(), 1e-3)

    def rival() -> None:
        for _ in range(20):
            adam.zero_grad()
            (-theirs().log_prob(x).mean()).backward()
            adam.step()

    path = vectors((2560, 64))
    recipe = {
        "model": {"name": "realnvp", "network": {"name": "mlp", "hidden": [128, 128]}, "couplings": 4},
        "optimizer": {"name": "adam", "lr": 1e-3},
        "data": path,
        "train": {"length": 1, "batch": 256},
    }
    ours = engine_turn(recipe, [], 20, "iterations")
    return alternate("RealNVP d = 64, 20 steps, vs zuko", ours, timed(rival))


CASES: dict[str, Callable[[], Comparison]] = {
    "dcgan": lambda: dcgan("32"),
    "dcgan-bf16": lambda: dcgan("bf16-mixed"),
    "vae": vae,
    "rbm-100": lambda: rbm(100),
    "rbm-10": lambda: rbm(10),
    "flow": flow,
}


if __name__ == "__main__":
    print_table(__doc__, CASES)
