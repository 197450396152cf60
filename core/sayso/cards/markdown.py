"""The parser of an agent's Markdown. It is slow to import, and most programs show none."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token


class _Markdown(MarkdownIt):
    """An address is shown as it was written, not as a browser would spell it."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


def _keep_source(state: StateCore) -> None:
    """Stands in for the parser's clean-up, which would replace NUL and turn a lone carriage return into a line end."""


def _parser() -> MarkdownIt:
    markdown = _Markdown("commonmark", {"html": False}).enable("table")
    markdown.core.ruler.at("normalize", _keep_source)
    return markdown.disable(["reference", "html_block", "html_inline"])


_PARSER = _parser()


def tokens_of(source: str) -> list[Token]:
    """The parts of a text, one after the other."""
    return _PARSER.parse(source)
