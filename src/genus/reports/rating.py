"""Blind human rating: a page that shows real and generated images in pairs, and its analysis."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genus.core.errors import InputError
from genus.core.spec import DataSpec
from genus.metrics.intervals import mean_interval, wilson
from genus.reports.document import document
from genus.reports.sheet import sheet

Array = NDArray[np.float32]

_SCRIPT = Path(__file__).with_name("rating.js")


@dataclass(frozen=True, kw_only=True)
class Rating:
    """Result of a human rating.

    Args:
        fooling_rate: share of pairs in which the generated image was taken for the real one; ½
            when people cannot distinguish them.
        low: lower end of the 95 % interval.
        high: upper end.
        n: pairs judged by all raters together.
        raters: number of result files.
        seconds: median time per pair.
        note: what the interval is of.
    """

    fooling_rate: float
    low: float
    high: float
    n: int
    raters: int
    seconds: float
    note: str


def write_rating_page(folder: Path, real: Array, fake: Array, spec: DataSpec, *, seed: int = 0) -> Path:
    """Write ``rating.html``, to be given to raters, and ``key.json``, to be kept from them.

    Each pair has one real and one generated image, left or right at random; the page holds no
    trace of which is which, loads nothing from outside and saves a results file.

    Args:
        folder: made when missing.
        real: ``(n, *spec.shape)`` in data units.
        fake: as many generated ones.
        spec: images, volumes (their middle slices) or points.
        seed: of sides.

    Returns:
        Path of the page.

    Raises:
        InputError: for unequal numbers.
    """
    if len(real) != len(fake) or not len(real):
        raise InputError(f"a rating needs pairs; got {len(real)} real and {len(fake)} generated examples")
    real_left = np.random.default_rng(seed).integers(0, 2, len(real)).astype(bool)
    pairs = [
        [_picture(a if left else b, spec), _picture(b if left else a, spec)]
        for a, b, left in zip(real, fake, real_left, strict=True)
    ]
    page = hashlib.sha256(real.tobytes() + fake.tobytes() + bytes([seed % 256])).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    body = (
        "<h1>Which one is real?</h1><p class='lead'>One image of each pair was made by a machine. Choose the "
        "real one: click it, or press ← or →. There is no way back; guess when you cannot tell.</p>"
        "<p class='note' id='progress'></p><div id='pair'></div>"
        f"<script type='application/json' id='pairs'>{json.dumps({'page': page, 'pairs': pairs})}</script>"
    )
    target = folder / "rating.html"
    target.write_text(document("Which one is real?", body, script=_SCRIPT.read_text("utf-8")), "utf-8")
    key = {"page": page, "real_left": real_left.tolist()}
    (folder / "key.json").write_text(json.dumps(key), encoding="utf-8")
    return target


def analyse_ratings(key: Path, results: Sequence[Path]) -> Rating:
    """Compare what raters chose with the key.

    Args:
        key: ``key.json`` of the page.
        results: one file per rater, as the page saves them.

    Raises:
        InputError: for files that do not belong to the page, or hold no choices.
    """
    truth = _read(key)
    shares: list[float] = []
    fooled = total = 0
    seconds: list[float] = []
    for path in results:
        found = _read(path)
        choices = found.get("choices")
        if found.get("page") != truth["page"] or not isinstance(choices, list):
            raise InputError(f"{path}: these are not results of the page that {key} belongs to")
        if not choices or len(choices) > len(truth["real_left"]):
            raise InputError(f"{path}: {len(choices)} choices for {len(truth['real_left'])} pairs")
        wrong = [
            c != ("left" if left else "right") for c, left in zip(choices, truth["real_left"], strict=False)
        ]
        fooled, total = fooled + sum(wrong), total + len(wrong)
        shares.append(sum(wrong) / len(wrong))
        seconds += found.get("seconds", [])
    low, high = mean_interval(shares) if len(shares) > 1 else wilson(fooled, total)
    return Rating(
        fooling_rate=float(np.mean(shares)),
        low=max(low, 0.0),
        high=min(high, 1.0),
        n=total,
        raters=len(shares),
        seconds=float(np.median(seconds)) if seconds else float("nan"),
        note="Student's over raters" if len(shares) > 1 else "Wilson's, for this one rater",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path} is not a results file of a rating page")
    return found


def _picture(example: Array, spec: DataSpec) -> str:
    png = sheet(example[None], spec, columns=1)
    return f"data:image/png;base64,{html.escape(base64.b64encode(png).decode())}"
