"""Plots are images that can do nothing: no script, no address elsewhere, and foreign names are text."""

from __future__ import annotations

import itertools
import sys
import xml.etree.ElementTree as ET
from datetime import timedelta

import sayso_plots
from sayso import asking, stats
from sayso.stats import tally
from sayso.testing.samples import NOW, after, opened, said
from tests.tables import each

HOSTILE = "</text><script>alert(1)</script>\u202e" + "x" * 100


def figures(*tools: str) -> stats.Figures:
    made = tally.Tally()
    made.add_all(after(opened(asking.Permission(tool=tool, input={})), said(verdict="allow")) for tool in tools)
    return made.figures(NOW - timedelta(days=7), NOW, whole=True)


def test_each_plot_is_an_svg_without_script_or_address() -> None:
    for row in each(itertools.product(sayso_plots.PLOTS, [(), ("Bash", "Bash", "Edit"), (HOSTILE, "Bash")])):
        with row as (name, tools):
            drawn = sayso_plots.draw(name, figures(*tools))
            root = ET.fromstring(drawn)
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            for element in root.iter():
                assert not str(element.tag).endswith(("script", "foreignObject", "image", "link"))
                assert not [key for key in element.attrib if key.startswith("on") or key.endswith("href")]
            assert b"\xe2\x80\xae" not in drawn
            assert b"@import" not in drawn
            assert b"url(" not in drawn


def test_a_bar_has_the_name_of_its_tool_and_the_colour_of_its_outcome() -> None:
    drawn = sayso_plots.draw("outcomes", figures("Bash")).decode()
    assert ">Bash<" in drawn
    assert ">allowed<" in drawn
    assert "prefers-color-scheme:dark" in drawn


def test_no_line_behind_the_figures_is_as_strong_as_they_are() -> None:
    for row in each(sayso_plots.PLOTS):
        with row as name:
            styled = sayso_plots.draw(name, figures(*["Bash"] * 60)).decode()
            _, _, ours = styled.partition("</style>")[0].rpartition("path,line,rect,circle{transition:none !important}")
            light, dark = ours.split("@media (prefers-color-scheme:dark)")
            assert ".axis path.major.guide.line{stroke:#d8d4ca}" in light
            assert ".axis path.major.guide.line{stroke:#45423b !important}" in dark


def test_drawing_leaves_nothing_in_the_way_of_imports() -> None:
    assert not [one for one in sys.meta_path if type(one).__module__.startswith("pygal")]
