"""Growing against full size from the start: the Fréchet distance reached, by processor time.

``python -m benchmarks.growing volumes`` (or ``photographs``) trains the networks of the recipe
``progan@volumes`` twice for the same processor time: grown, and at full size from the start. Each
checkpoint is scored with its averaged weights against held-out examples; the table says how far
either was when. Data lie in the folder that ``$GENUS_DATA`` names, else in ``../shared/data`` beside
the project. Volumes need the extra ``bench``, photographs ``features``. Trainings lie in
``bench/growing``; finished ones are only scored again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import genus
from benchmarks.harness import data_folder
from benchmarks.pictures import photographs as clothing
from genus.assembly import build_model, open_data
from genus.metrics.features import make_features
from genus.metrics.frechet import frechet_distance
from genus.sampling.draw import conditions_like, draw
from genus.training.checkpoints import list_checkpoints, load_checkpoint, load_weights
from genus.training.run import Run

VOLUME = (32, 48, 32)
CHECKPOINTS = 12
"""Scored of each training."""
RECIPE = "progan@volumes"
SIDES = ("grown", "full size")


@dataclass(frozen=True)
class Pictures:
    """Data, and what suits them.

    Args:
        path: what ``genus train --data`` is told.
        overrides: of the recipe.
        features: what distances are measured in.
    """

    path: Path
    overrides: tuple[str, ...]
    features: str


def volumes(data: Path, work: Path) -> Pictures:
    """260 MR volumes around the hippocampus, cut or filled to 32×48×32, of which 78 are held out."""
    import nibabel

    path = work / "hippocampus.npy"
    if not path.is_file():
        files = sorted((data / "msd_hippocampus" / "images").glob("*.nii.gz"))
        np.save(path, np.stack([_cut(_scaled(nibabel.load(file).get_fdata())) for file in files])[:, None])
    return Pictures(path, ("data.holdout=0.3",), "random")


def photographs(data: Path, work: Path) -> Pictures:
    """3,068 photographs of clothing in ten classes, 64×64, of which a fifth is held out; twice as wide."""
    path, read = clothing(data, work)
    players = ("generator", "discriminator")
    wide = [f"model.{player}.{size}=32" for player in players for size in ("width", "channels")]
    overrides = (*read, "data.holdout=0.2", *wide, "model.conditioning=projection")
    return Pictures(path, overrides, "efficientnet-lite0")


DATA: dict[str, Callable[[Path, Path], Pictures]] = {"volumes": volumes, "photographs": photographs}


def recipe(side: str, pictures: Pictures, budget: int, seed: int) -> dict[str, Any]:
    """What is trained; the sides differ in the kind of model alone."""
    saved = (f"train.save_every={budget // CHECKPOINTS} CPU seconds", f"train.keep={2 * CHECKPOINTS}")
    train = (f"train.length={budget} CPU seconds", f"train.seed={seed}", "train.doctor=off", *saved)
    config = dict(genus.show(RECIPE, [*pictures.overrides, *train], data=str(pictures.path)).config)
    if side == "full size":
        config["model"] = {**config["model"], "name": "gan"}
        del config["model"]["fade"], config["model"]["last_share"]
    return config


def curve(run: Run, features_name: str, samples: int) -> list[tuple[float, int, float]]:
    """Processor seconds, iterations and Fréchet distance of each checkpoint of a training."""
    bound = run.recipe
    test = open_data(bound).test
    spec = run.spec
    features = make_features(features_name, spec)
    held_out = test.batch(np.arange(len(test)))
    real = features(held_out.x).numpy()
    condition = None if held_out.condition is None else conditions_like(held_out.condition, spec, samples)
    points = []
    for path in list_checkpoints(run.checkpoints):
        saved = load_checkpoint(path)
        model = build_model(bound, spec)
        load_weights(model, saved, "ema")
        fake = features(draw(model.eval(), samples, condition=condition)).numpy()
        clock = saved.state["clock"]
        points.append((clock["cpu_seconds"], clock["iteration"], frechet_distance(fake, real)))
    return points


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=list(DATA))
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--budget", type=int, default=480, help="processor seconds of each training")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("bench/growing"))
    asked = parser.parse_args()
    data = data_folder("clothing" if asked.data == "photographs" else "msd_hippocampus")
    asked.out.mkdir(parents=True, exist_ok=True)
    pictures = DATA[asked.data](data, asked.out)
    for seed in asked.seeds:
        for side in asked.sides:
            folder = asked.out / f"{asked.data}-{side.replace(' ', '-')}-{asked.budget}-{seed}"
            if folder.is_dir():
                run = genus.resume(folder)
            else:
                run = genus.train(recipe(side, pictures, asked.budget, seed), out=folder)
            for seconds, iteration, distance in curve(run, pictures.features, asked.samples):
                print(f"{asked.data}\t{side}\t{seed}\t{seconds:.0f}\t{iteration}\t{distance:.4g}", flush=True)


def _scaled(volume: np.ndarray) -> np.ndarray:
    """To [0, 1]: scanners' scales differ by thousands."""
    return np.clip(volume / np.percentile(volume, 99.8), 0, 1)


def _cut(volume: np.ndarray) -> np.ndarray:
    """The middle of a volume, with zeros where it is smaller than :data:`VOLUME`."""
    cut = np.zeros(VOLUME, np.float32)
    shared = np.minimum(volume.shape, VOLUME)
    cut[_middle(VOLUME, shared)] = volume[_middle(volume.shape, shared)]
    return cut


def _middle(sides: Sequence[int], kept: Sequence[int]) -> tuple[slice, ...]:
    starts = [(side - keep) // 2 for side, keep in zip(sides, kept, strict=True)]
    return tuple(slice(start, start + keep) for start, keep in zip(starts, kept, strict=True))


if __name__ == "__main__":
    main()
