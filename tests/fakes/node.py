"""npm packages for tests of our TypeScript examples: installed once on a machine, by name, whoever asks first.

The rule: a finished folder is never written again; its name says what went into it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest

from tests.conftest import require

# Seconds for one call of npm: hundreds of packages come over the network the first time.
LONGEST = 600.0
_INSTALL = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sayso-tests"


def installed(manifest: Path) -> Path:
    """The `node_modules` for a package.json whose versions are all exact."""
    require(shutil.which("npm"), "npm")

    def install(place: Path) -> None:
        shutil.copy(manifest, place)
        ran(_INSTALL, place)

    return kept("packages", manifest.parent, [manifest], install) / "node_modules"


def built(source: Path, *, output: str) -> Path:
    """The folder *output* that `npm run build` makes of the example in *source*."""
    packages = installed(source / "package.json")
    ours = shutil.ignore_patterns("node_modules", ".*", output)

    def build(place: Path) -> None:
        shutil.copytree(source, place, ignore=ours, dirs_exist_ok=True)
        (place / "node_modules").symlink_to(packages)
        ran(("npm", "run", "build"), place)

    files = [path for path in sorted(source.rglob("*")) if path.is_file() and _counts(path.relative_to(source))]
    return kept("build", source, files, build) / output


def bundled(program: Path, sources: Iterable[Path], root: Path, packages: Path) -> Path:
    """The TypeScript *program*, with what it is made of (*sources*), as one file that Node starts at once."""

    def bundle(place: Path) -> None:
        esbuild = (packages / ".bin" / "esbuild", program, "--bundle", "--platform=node", "--format=esm")
        ran((*map(str, esbuild), f"--outfile={place / 'program.mjs'}"), root)

    return kept("bundle", root, [program, *sources], bundle) / "program.mjs"


def kept(kind: str, root: Path, inputs: Iterable[Path], make: Callable[[Path], None]) -> Path:
    """The folder that *make* filled for these files under *root*; made at most once, then moved into place."""
    told = hashlib.sha256(f"{platform.platform()} {node_version()}".encode())
    for path in inputs:
        told.update(f"\n{path.relative_to(root)}\n".encode() + path.read_bytes())
    place = _CACHE / f"{kind}-{told.hexdigest()[:20]}"
    if place.exists():
        return place
    # The first time takes minutes where the network is slow: that is no test that hangs.
    faulthandler.cancel_dump_traceback_later()
    _CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(place.with_suffix(".lock")):
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
                made = Path(folder) / "made"
                made.mkdir()
                make(made)
                made.rename(place)
    return place


@functools.cache
def node_version() -> str:
    """Of the `node` on the path."""
    require(shutil.which("node"), "node")
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def ran(line: Iterable[str], folder: Path) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(list(line), cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(line)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}", pytrace=False)


def _counts(path: Path) -> bool:
    made = any(part == "node_modules" or part.startswith(".") for part in path.parts)
    return path.suffix != ".md" and not made


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
