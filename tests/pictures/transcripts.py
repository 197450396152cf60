"""What a terminal shows of the check of a log, good and touched: the real command over a real store."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from tests.bots import test_auditor_page
from tests.bots.test_audit import KEY

PROMPT = "$ sayso audit verify"


async def verify() -> str:
    """The check before and after somebody took a row out of the database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await test_auditor_page.fill(folder)
        await _run(folder, "export", "log.jsonl")
        before = await _run(folder, "verify")
        test_auditor_page.without(folder, "touched.db", "delete from log where number = 9")
        (folder / "touched.db").replace(folder / "sayso.db")
        after = await _run(folder, "verify")
    shown = f"{PROMPT}\n{before}\n$ # somebody takes row 9 out of the database\n{PROMPT}\n{after}"
    return re.sub(r"\n+", "\n", shown)


async def _run(folder: Path, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sayso_bots", "audit", *words),
        cwd=folder,
        env={**os.environ, "SAYSO_SIGNING_KEY": KEY, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return printed.decode()
