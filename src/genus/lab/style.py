"""Style of the laboratory's figures: for slides, and for readers who cannot distinguish red and green."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

BLACK = "#000000"
BLUE = "#0072B2"
GREEN = "#009E73"
GREY = "#999999"
ORANGE = "#E69F00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
VERMILION = "#D55E00"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
"""The palette of Okabe and Ito (2008), safe for the colour-blind, in the order of use."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
"""Line styles beside the colours, so that a figure survives a grey printer."""

STYLE: Any = {
    "font.size": 11.0,
    "axes.titlesize": 12.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "savefig.dpi": 150,
}
"""Settings of matplotlib in force while a figure is drawn and written."""


def label(axes: Axes, title: str, x: str, y: str) -> None:
    """Title and axis labels in one line."""
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
