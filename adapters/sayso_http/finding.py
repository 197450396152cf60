"""What a list of requests may be narrowed by, as query parameters: the same words as on every other surface."""

from __future__ import annotations

from collections.abc import Mapping

from sayso.desk.answering import searching
from sayso_http.operations import Schema

_SAID: Mapping[str, str] = {
    "agent": "Only of the key of this name",
    "whose": "`me`: which this person may answer; `mine`: asked on their behalf. With the key of an approver",
    "tool": "Only of this tool",
    "policy": "Only under the policy of this name",
    "rule": "Only those that this rule asked about or decided",
    "place": "Only those that go to this place, or to this channel",
    "risk": "Only of this risk, by what the agent says and what the service finds",
    "priority": "Only of this priority",
    "search": "Words, all of which stand in what was asked and answered. A page looks at a thousand requests at most",
}


def _schema(name: str) -> Schema:
    choices = searching.CHOICES.get(name)
    kind: Schema = {"enum": [*choices]} if choices else {"type": "string", "maxLength": searching.LONGEST}
    return {**kind, "description": _SAID[name]}


SCHEMAS: Mapping[str, Schema] = {name: _schema(name) for name in _SAID}
"""Beside the state and the session, which every list had."""
