"""Files of the operator: settings, and what stands beside them. Each is written whole or not at all.

The rule: nothing is written over what somebody else wrote meanwhile. What a writer left that was killed is removed, and
said.
"""

from __future__ import annotations

import os
from pathlib import Path

from sayso import errors
from sayso_bots.terminal import output


def write(path: Path, text: str, *, like: Path | None = None, was: str | None = None, new: bool = False) -> None:
    """Write a file; a link to one stays a link.

    Args:
        like: Whose permissions and owner it gets, in place of what the user of this process gives to new files.
        was: What must still be there.
        new: Whether nothing must be there.

    Raises:
        InvalidSettings: it cannot be written, or something else is there by now.
    """
    if new:
        _require(not os.path.lexists(path), f"{path} is there already; nothing was changed", "name another file")
    there, found = path.resolve(), like.stat() if like else None
    made = there.with_name(f".{there.name}.{os.getpid()}")
    try:
        # in a container the next process often has the number of one that was killed
        made.unlink(missing_ok=True)
        made.touch(mode=found.st_mode & 0o777 if found else 0o666)
        made.write_text(text, encoding="utf-8")
        if found and (found.st_uid, found.st_gid) != (made.stat().st_uid, made.stat().st_gid):
            os.chown(made, found.st_uid, found.st_gid)
        if was is not None or new:
            is_there = there.read_text(encoding="utf-8") if os.path.lexists(there) else None
            _require(is_there == was, f"{path} was changed meanwhile, and is as it was", "look at it, and do it again")
        made.replace(there)
    except OSError as error:
        hint = "choose another folder, make room, or do it as the owner of the file"
        raise errors.InvalidSettings(f"{path} cannot be written: {error.strerror}", hint=hint) from error
    finally:
        made.unlink(missing_ok=True)
    _remove_left(there)


def _remove_left(path: Path) -> None:
    """Remove what writers of this file left that were killed."""
    for left in path.parent.glob(f".{path.name}.*"):
        number = left.name.rpartition(".")[2]
        if number.isascii() and number.isdigit() and not _runs(int(number)):
            left.unlink(missing_ok=True)
            output.say(f"{left.name} removed: a command that was cut short had left it", err=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _require(fits: bool, said: str, hint: str) -> None:
    if not fits:
        raise errors.InvalidSettings(said, hint=hint)
