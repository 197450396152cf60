"""Grants on the wire."""

from __future__ import annotations

from sayso import model
from sayso.desk.admission import granting


class Grants(model.Frozen):
    """What people allowed for a while, the newest first."""

    grants: tuple[granting.Grant, ...]
