"""`sayso.toml` as it stands: read, and not yet checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sayso import errors


def read(path: Path | None) -> Mapping[str, Any]:
    """The tables in *path*; without one, of `sayso.toml` here if there is one, else none.

    Raises:
        InvalidSettings: it cannot be read, or is not TOML.
    """
    found = path or Path("sayso.toml")
    try:
        return tomllib.loads(found.read_text(encoding="utf-8"))
    except OSError as error:
        # a link that leads nowhere is there: what it led to is not what everything has without it
        if path is None and isinstance(error, FileNotFoundError) and not found.is_symlink():
            return {}
        hint = "mend the link, or write one with: sayso init" if found.is_symlink() else "write one with: sayso init"
        raise errors.InvalidSettings(f"{found} cannot be read", field="SAYSO_CONFIG", hint=hint) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        hint = "mend that place; texts stand in quotes, and each key once in its table"
        raise errors.InvalidSettings(f"{found} is not TOML: {error}", field=str(found), hint=hint) from error
    except (ValueError, RecursionError) as error:
        # as Python says it, neither names a place in the file
        said = f"{found} cannot be read: a number is too long, or lists are too deep"
        raise errors.InvalidSettings(said, field=str(found), hint="shorten it") from error
