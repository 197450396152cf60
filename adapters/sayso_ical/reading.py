"""Who stands in the events of one moment. Pure; run in a process of its own, since a calendar may repeat without end.

The rule: people are known by an address, or by exactly their name in the settings. Nobody is guessed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]

_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"]{1,64}@[A-Za-z0-9.-]{1,190}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Between the people in a title.
_SEPARATORS = re.compile(r"[,;&/+]")
# Of a title: a longer one is no list of people.
_LONGEST = 500


def find(body: bytes, at: datetime) -> dict[str, list[str]]:
    """The `names` and `emails` of whoever is on call. Raises ValueError if it is no calendar that can be read."""
    calendar: Any = icalendar.Calendar.from_ical(body)
    # a day without a zone, and a time without one, is meant in the calendar's own
    moment = at.astimezone(_zone_of(calendar))
    names, emails = set[str](), set[str]()
    for event in recurring_ical_events.of(calendar).at(moment):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            names |= set(_names(event))
            emails |= set(_emails(event))
    return {"names": sorted(names), "emails": sorted(emails)}


def _zone_of(calendar: Any) -> tzinfo:
    named = str(calendar.get("X-WR-TIMEZONE") or "")
    return ZoneInfo(named) if named else UTC


def _emails(event: Any) -> Iterator[str]:
    """Whoever was invited and has not declined; without invitations the addresses in the title."""
    invited = _invited(event)
    for one in invited:
        kind = str(one.params.get("CUTYPE", "INDIVIDUAL")).upper()
        if kind == "INDIVIDUAL" and str(one.params.get("PARTSTAT", "")).upper() != "DECLINED":
            yield re.sub(r"(?i)^mailto:", "", str(one)).strip()
    if not invited:
        yield from _EMAIL.findall(_title(event))


def _names(event: Any) -> Iterator[str]:
    if not _invited(event):
        for part in _SEPARATORS.split(_title(event)):
            if _NAME.fullmatch(part.strip()):
                yield part.strip()


def _invited(event: Any) -> list[Any]:
    found: Any = event.get("ATTENDEE") or []
    if not isinstance(found, list):
        return [found]
    return [*found]  # pyright: ignore[reportUnknownVariableType]


def _title(event: Any) -> str:
    title = str(event.get("SUMMARY") or "")
    return title if len(title) <= _LONGEST else ""


def main() -> None:
    """Read a calendar from standard input, and print who is on call at the moment of the first argument."""
    import json

    found = find(sys.stdin.buffer.read(), datetime.fromisoformat(sys.argv[1]))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
