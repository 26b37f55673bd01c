"""``genus rate``: whether people can tell samples from real examples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import Argument, RunFolder, command
from genus.core.errors import InputError

if TYPE_CHECKING:
    from genus.reports.rating import Rating
    from genus.training.run import Run


def _print_rating(call: partial[Path | Rating], *, json: bool = False) -> None:
    """Say where the page is, or how often raters were fooled.

    Args:
        json: print JSON instead of a sentence.
    """
    from dataclasses import asdict
    from json import dumps

    from genus.cli.console import make_console, say

    found = call()
    if isinstance(found, Path):
        say(f"{found}")
        say(f"give raters that file, keep key.json; then: genus rate {call.keywords['run']} RESULTS.json …")
    elif json:
        print(dumps(asdict(found), indent=1))
    else:
        make_console().print(
            f"generated taken for real in {found.fooling_rate:.1%} [{found.low:.1%}, {found.high:.1%}] "
            f"of {found.n} pairs, {found.raters} rater{'s' if found.raters != 1 else ''} ({found.note}); "
            f"50 % when people cannot tell; {found.seconds:.1f} s a pair"
        )


@command("rate", show=_print_rating)
def rate(
    run: RunFolder,
    results: Annotated[Sequence[str | Path], Argument(metavar="RESULTS.json")] = (),
    *,
    n: int = 50,
    seed: int = 0,
    out: Annotated[str | Path | None, Argument(metavar="FOLDER")] = None,
) -> Path | Rating:
    """Write a page for blind human rating, or read the results that raters sent back.

    People tell real from generated images on the page; ``key.json`` beside it says which is which.

    Args:
        run: folder of the run; in Python the run itself, too.
        results: files saved by the page, one per rater; without any, the page is written.
        n: pairs of one real and one generated image, at most as many as there are test examples.
        seed: of samples, of the choice of real examples and of sides.
        out: folder of the page; rating in the run by default.

    Returns:
        The page's path; with results the fooling rate with its interval.

    Raises:
        CapabilityError: when the model cannot sample.
        InputError: for more pairs than test examples, or a file that does not belong to the page.
    """
    from genus.training.run import Run

    if results:
        from genus.reports.rating import analyse_ratings

        base = Path(run if out is None else out)
        folder = base / "rating" if (base / "rating").is_dir() else base
        return analyse_ratings(folder / "key.json", [Path(path) for path in results])
    opened = Run(run)
    return _write_page(opened, Path(out) if out is not None else opened.path / "rating", n, seed)


def _write_page(run: Run, folder: Path, n: int, seed: int) -> Path:
    """Pairs of one class, where the model is conditioned on classes."""
    import numpy as np

    from genus.assembly import open_data
    from genus.reports.rating import write_rating_page
    from genus.sampling.draw import draw
    from genus.saved_runs import load
    from genus.verbs.sample import sample

    dataset = open_data(run.recipe)
    if not 1 <= n <= len(dataset.test):
        raise InputError(
            f"-n {n}: there are {len(dataset.test)} test examples to show, so 1 … that many pairs"
        )
    chosen = dataset.test.batch(np.random.default_rng(seed).permutation(len(dataset.test))[:n])
    model = load(run)
    if getattr(model, "conditional", False) and chosen.condition is not None:
        fake = draw(model, n, condition=chosen.condition, seed=seed).numpy()
    else:
        fake = sample(model, n, seed=seed)
    return write_rating_page(folder, chosen.x.numpy(), fake, dataset.spec, seed=seed)
