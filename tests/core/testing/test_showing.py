"""What the tools for other people's tests show, and of platforms that do not show everything."""

import importlib.metadata
from pathlib import Path

import pytest

from sayso import testing
from sayso.cards import draw
from sayso.testing import board, samples, showing


async def test_a_board_gives_the_token_behind_a_button() -> None:
    pinned = board.Board()
    ticket = samples.opened()
    posted = await pinned.post("#ops", draw.card_of(ticket, samples.MINT), again=False)
    assert pinned.token(posted.message, "Allow") == samples.MINT.token(ticket, "allow")


def test_a_platform_without_windows_and_histories_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = importlib.metadata.EntryPoint("plain", "json:dumps", "sayso.renderers")
    monkeypatch.setattr(showing, "_renderers", lambda: {"plain": plain})
    assert [testing.render("plain", "body", "x", view) for view in ("windows", "review", "row", "notes")] == [[]] * 4


def test_pages_end_however_many_a_window_has(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = len(list(showing.windows("value", "x" * 9_000)))
    monkeypatch.setattr(showing, "_MOST_PAGES", 1)
    assert 0 < len(list(showing.windows("value", "x" * 9_000))) <= whole


def test_a_platform_with_a_history_shows_its_row_of_a_closed_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "renders_rows.py").write_text("def row(drawn):\n    return drawn.tone, repr(drawn)\n")
    monkeypatch.syspath_prepend(tmp_path)
    listed = importlib.metadata.EntryPoint("listed", "renders_rows:row", "sayso.renderers")
    monkeypatch.setattr(showing, "_renderers", lambda: {"listed": listed})
    pending, _ = testing.render("listed", "tool", "Foreign words")
    [(closed, shown)] = testing.render("listed", "tool", "Foreign words", "row")
    assert closed != pending
    assert "Foreign words" in shown
