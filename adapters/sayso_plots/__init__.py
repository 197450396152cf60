"""The numbers of a period as SVG, by pygal. Pure. A drawing stands as an image: its style reaches no page."""

from sayso_plots.plots import PLOTS, draw

__all__ = ["PLOTS", "draw"]
