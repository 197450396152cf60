"""Each plot by its name. Colours follow the reader's system, light or dark, by the style within the drawing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pygal  # pyright: ignore[reportMissingTypeStubs]
from pygal.style import Style  # pyright: ignore[reportMissingTypeStubs]

from sayso import calendars, stats
from sayso.content import text

# The library hooks into every import for maps that nobody draws here, in a way that Python 3.11 warns of each time.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, getattr(pygal, "PluginImportFixer", ()))]

# Long names come from agents; beyond this they would push the bars out of sight.
_LONGEST_NAME = 32
_BARS = 10
_INK, _QUIET = "#4a463e", "#8b867b"
_FIRST, _SECOND = "#2c7a4b", "#c08a2d"
_CSS = """
path, line, rect, circle { transition: none !important }
.axis path.line, .axis path.guide.line, .axis path.major.guide.line { stroke: #d8d4ca }
@media (prefers-color-scheme: dark) {
  text { fill: #d8d3c8 !important }
  .axis path, .axis path.line, .axis path.guide.line, .axis path.major.guide.line { stroke: #45423b !important }
}
"""
# The library always writes what its own script would read; in what it draws for others every "<" is escaped.
_SCRIPT = re.compile(rb"<script\b.*?</script>", re.DOTALL)
_OUTCOMES: Mapping[str, str] = {
    "allowed": _FIRST,
    "answered": "#3b6fb0",
    "denied": "#b5403a",
    "expired": _SECOND,
    "cancelled": _QUIET,
    "superseded": "#8d6cab",
    "undeliverable": "#5d5950",
}
"""The colour of each outcome, in the order in which they stand."""


def draw(name: str, figures: stats.Figures) -> bytes:
    """Draw one plot as SVG. Raises `KeyError` if there is none of this name."""
    return _SCRIPT.sub(b"", _PLOTS[name](figures).render())


def _hours(figures: stats.Figures) -> Any:
    chart = _made(pygal.Dot, "Requests by weekday and hour, UTC", (_FIRST,) * 7, show_legend=False, print_values=False)
    chart.x_labels = [f"{hour:02}" for hour in range(24)]
    for day, hours in zip(calendars.WEEK, figures.hours, strict=True):
        chart.add(day.capitalize(), list(hours))
    return chart


def _outcomes(figures: stats.Figures) -> Any:
    return _stacked("What became of requests, by tool", figures.tools)


def _agents(figures: stats.Figures) -> Any:
    return _stacked("What became of requests, by agent", figures.agents)


def _times(figures: stats.Figures) -> Any:
    chart = _made(pygal.HorizontalBar, "Minutes until people decided, by tool", (_FIRST, _SECOND))
    rows = [one for one in figures.tools if one.to_decision.p50 is not None][:_BARS][::-1]
    chart.x_labels = [_named(one.name) for one in rows]
    chart.add("half of them", [_minutes(one.to_decision.p50) for one in rows])
    chart.add("19 of 20", [_minutes(one.to_decision.p95) for one in rows])
    return chart


_PLOTS: Mapping[str, Callable[[stats.Figures], Any]] = {
    "hours": _hours,
    "outcomes": _outcomes,
    "agents": _agents,
    "times": _times,
}


def _stacked(title: str, named: tuple[stats.Named, ...]) -> Any:
    rows = named[:_BARS][::-1]  # the first bar is drawn at the bottom
    found = {one: counts for one in _OUTCOMES if any(counts := [row.outcomes.get(one, 0) for row in rows])}
    chart = _made(pygal.HorizontalStackedBar, title, tuple(_OUTCOMES[one] for one in found))
    chart.x_labels = [_named(one.name) for one in rows]
    for outcome, counts in found.items():
        chart.add(outcome, counts)
    return chart


def _made(kind: Callable[..., Any], title: str, colors: tuple[str, ...], **more: Any) -> Any:
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground=_INK,
        foreground_strong=_INK,
        foreground_subtle=_QUIET,
        font_family="system-ui, sans-serif",
        colors=colors,
    )
    # a script, or a style sheet from elsewhere, would have no place in an image
    return kind(
        style=style, title=title, js=[], css=["file://style.css", "file://graph.css", f"inline:{_CSS}"],
        disable_xml_declaration=False, no_data_text="Nothing yet", legend_at_bottom=True, width=760, height=380,
        no_prefix=True, pretty_print=False, **more,
    )  # fmt: skip


def _named(name: str) -> str:
    shown = text.line(name[: _LONGEST_NAME + 1]).text
    return shown if len(name) <= _LONGEST_NAME else shown[:_LONGEST_NAME] + "…"


def _minutes(seconds: float | None) -> float:
    return round((seconds or 0.0) / 60, 2)
