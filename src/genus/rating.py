"""The verbs of blind human rating."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genus.api import load, sample
from genus.assembly import open_data
from genus.core.errors import InputError

if TYPE_CHECKING:
    from os import PathLike

    from genus.reports.rating import Rating


def rating_page(
    run: str | PathLike[str], *, n: int = 50, out: str | Path | None = None, seed: int = 0
) -> Path:
    """Write a page on which people tell real from generated images, and the key to it.

    Args:
        run: the run, or its folder.
        n: pairs, at most as many as there are test examples.
        out: folder; ``rating`` in the run by default.
        seed: of samples, of the choice of real examples and of sides.

    Returns:
        The page's path; ``key.json`` stands beside it.

    Raises:
        CapabilityError: when the model cannot sample.
        InputError: for more pairs than test examples.
    """
    import numpy as np

    from genus.reports.rating import write_rating_page
    from genus.training.run import Run

    opened = Run(run)
    dataset = open_data(opened.recipe)
    if not 1 <= n <= len(dataset.test):
        raise InputError(
            f"-n {n}: there are {len(dataset.test)} test examples to show, so 1 … that many pairs"
        )
    chosen = dataset.test.batch(np.random.default_rng(seed).permutation(len(dataset.test))[:n])
    model = load(run)
    if getattr(model, "conditional", False) and chosen.condition is not None:  # pairs of one class
        from genus.sampling.draw import draw

        fake = draw(model, n, condition=chosen.condition, seed=seed).numpy()
    else:
        fake = sample(model, n, seed=seed)
    target = Path(out) if out is not None else opened.path / "rating"
    return write_rating_page(target, chosen.x.numpy(), fake, dataset.spec, seed=seed)


def rating_results(run: str | PathLike[str], results: Sequence[str | Path]) -> Rating:
    """Fooling rate with its interval from the files that raters sent back.

    Args:
        run: the run whose page they saw, its folder, or the page's folder.
        results: one file per rater.

    Raises:
        InputError: when a file does not belong to the page.
    """
    from genus.reports.rating import analyse_ratings

    folder = Path(run) / "rating" if (Path(run) / "rating").is_dir() else Path(run)
    return analyse_ratings(folder / "key.json", [Path(path) for path in results])
