"""Every architecture on colour pictures, at equal cost: sheets to look at, and a table.

``python -m benchmarks.pictures sprites`` trains on 32×32 sprites of games, ``photographs`` on 64×64
photographs of clothing, ``shoes`` on a hundred of those, from the folder that ``$GENUS_DATA`` names,
else from ``../shared/data`` beside the project. Sheets lie in the folders of the trainings,
``bench/pictures/sprites/…/samples``; the same command again continues.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import Any

import genus
from benchmarks.harness import data_folder

ARCHITECTURES = (
    *("default", "dcgan", "wgan-gp", "sngan", "sagan", "biggan", "lapgan"),
    *("progan", "stylegan", "stylegan2", "styleswin", "fastgan"),
)


def sprites(data: Path, work: Path) -> tuple[Path, list[str]]:
    """3,710 sprites in six classes, on white; unpacked into ``work``. Their overrides, too."""
    if not (work / "dcss_tiles").is_dir():
        with zipfile.ZipFile(data / "dcss_tiles" / "dcss_tiles_nov2015_cc0.zip") as packed:
            packed.extractall(work)
    return work / "dcss_tiles", ["data.size=32", "data.mode=rgb", "data.alpha=white", "data.resize=stretch"]


def photographs(data: Path, work: Path) -> tuple[Path, list[str]]:
    """3,068 photographs of clothing in ten classes; small batches, so that minutes are many updates."""
    del work
    return data / "clothing" / "clothing64" / "train", ["data.size=64", "data.mode=rgb", "train.batch=16"]


def shoes(data: Path, work: Path) -> tuple[Path, list[str]]:
    """About a hundred of its 198 photographs of shoes, without classes."""
    folder, overrides = photographs(data, work)
    own = [override for override in overrides if override.startswith("data.")]  # batches are the recipes'
    return folder / "shoes", [*own, "data.holdout=0.49", "model.conditioning=null"]


PICTURES = {"sprites": sprites, "photographs": photographs, "shoes": shoes}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", choices=list(PICTURES))
    parser.add_argument("--out", type=Path, default=Path("bench/pictures"))
    parser.add_argument("--recipes", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--budget", default="200 CPU seconds")
    asked = parser.parse_args()
    data = data_folder("clothing")
    asked.out.mkdir(parents=True, exist_ok=True)
    folder, overrides = PICTURES[asked.pictures](data, asked.out)
    seldom = ["train.sample_every='600 seconds'", "train.save_every='200 seconds'"]
    suite: dict[str, Any] = {
        "summary": f"Architectures on {asked.pictures}, {asked.budget} each",
        "recipes": asked.recipes,
        "data": str(folder),
        "seeds": asked.seeds,
        "budget": asked.budget,
        "samples": asked.samples,
        "features": "efficientnet-lite0",
        "metrics": ["frechet", "kid", "neighbours"],
        "set": [*overrides, "train.ema=0.995", "train.doctor=off", *seldom],
        "columns": ["frechet", "kid", "precision", "recall", "coverage"],
    }
    out = asked.out / asked.pictures
    genus.benchmark(
        suite,
        out=out,
        progress=lambda result, done, total: print(f"{done}/{total} {result.entry}", flush=True),
    )
    print(f"leaderboard: {out / 'leaderboard.html'}")


if __name__ == "__main__":
    main()
