"""The numbers of a period as SVG, by pygal. Pure. A drawing stands as an image: its style reaches no page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayso import stats

__all__ = ["PLOTS", "draw"]

PLOTS = ("hours", "outcomes", "agents", "times")
"""Their names, in the order in which a page shows them."""


def draw(name: str, figures: stats.Figures) -> bytes:
    """Draw one plot as SVG. Raises `KeyError` if there is none of this name."""
    # its library is slow to import, and a service may never draw
    from sayso_plots import plots

    return plots.draw(name, figures)
