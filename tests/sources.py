"""The program's own files, read and parsed once for all tests that look at them."""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOTS = ("core", "adapters", "bots")
# Programs that a reader copies; they are in no wheel.
EXAMPLES = ROOT / "bots" / "examples"


def modules(*roots: str) -> list[Path]:
    """The files below *roots*, folders of the repository, examples left out."""
    return sorted(path for root in roots for path in (ROOT / root).rglob("*.py") if EXAMPLES not in path.parents)


def nodes(path: Path) -> Sequence[ast.AST]:
    """All nodes of a file, as `ast.walk` gives them: the first is the module."""
    return _ours().get(path) or _nodes(path)


def parsed(path: Path) -> ast.Module:
    module = nodes(path)[0]
    assert isinstance(module, ast.Module)
    return module


@functools.cache
def _ours() -> Mapping[Path, Sequence[ast.AST]]:
    # half a million nodes, which stay: collecting garbage among them takes longer than all that looks at them
    gc.collect()
    gc.disable()
    try:
        return {path: _nodes(path) for root in ROOTS for path in sorted((ROOT / root).rglob("*.py"))}
    finally:
        gc.freeze()
        gc.enable()


def _nodes(path: Path) -> Sequence[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))))
