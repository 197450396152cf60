"""How secrets in content are covered here: by what the core knows, and by the detectors of the extra `secrets`."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import TYPE_CHECKING

from sayso.cards import tokens
from sayso.content import masks

if TYPE_CHECKING:
    from sayso_bots.settings import schema


def equip(maker: tokens.TokenMaker, settings: schema.Settings) -> tokens.TokenMaker:
    """The maker of tokens with what finds secrets in what is shown beside them."""
    return dataclasses.replace(maker, find=load(), plain=settings.secrets.show == "plain")


def load() -> masks.Find:
    """The detectors of the library, if its extra is installed."""
    if importlib.util.find_spec("detect_secrets") is None:
        return masks.nothing
    import sayso_secrets

    return sayso_secrets.find
