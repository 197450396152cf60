"""Names of a package that bring their module when they are used: whoever needs one of them does not import all."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of *package*; *homes* are its modules, each with the names that come from it."""
    home_of = {name: home for home, some in homes.items() for name in some.split()}

    def find(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        found = getattr(module(home_of[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return find


def module(called: str) -> Any:
    """A module by its full name."""
    # a package before what is in it: threads that import at once and take the locks of these in two orders fail
    package = called.rpartition(".")[0]
    if package:
        module(package)
    return importlib.import_module(called)
