"""Finds signs that pass for other signs; the text itself is left alone.

The rule: ordinary writing in any language is never named, so every pattern here asks for its surroundings too.
"""

from __future__ import annotations

from collections.abc import Iterator

_LETTERS = "Contains letters that look like others: {}."
_SYMBOLS = "Contains symbols that look like others: {}."
_WIDE = "Contains full-width signs in place of ordinary ones: {}."
_STYLED = "Contains styled letters in place of ordinary ones: {}."
_DASHES = "Contains a dash that is not a hyphen where an option starts: {}."
_OVERLAYS = "Contains marks drawn through or around letters: {}."

# Same look as an ASCII letter. The second group passes only at a glance, so it counts only inside a Latin word.
_TWINS = r"[аеорсухѕіјһԁԛԝӏүАВЕЅІЈКМНОРСТУХҮԚԜӀԌΑΒΕΖΗΙΚΜΝΟΡΤΥΧονοαρօոսհցզյՍՕՏԼІ]"
_NEAR = r"[кмтнвпигьзёїѵөкґєοαρνυικτηχγω]"
_GREEK_NEAR = r"[αρνυικτηχγω]"


def find(raw: str, *, code: bool) -> Iterator[tuple[str, str]]:
    """Sentences with a place for code points, and the signs that belong there, in a fixed order."""
    yield from ()
