"""Rows of the table of routes for whoever looks who is who, and what is agreed upon."""

from __future__ import annotations

from sayso.desk.answering import overview
from sayso_http.operations import Keyed

PEOPLE = Keyed(
    method="get",
    path="/v1/people",
    summary="Who is who, in which groups now, and who is on call.",
    who="who looks",
    handler=lambda on: on.overview.people,
    writes={200: overview.People},
    fails=(403, 404, 422),
    query={"page": {"type": "integer", "minimum": 0, "maximum": 9_999, "default": 0}},
)
POLICIES = Keyed(
    method="get",
    path="/v1/policies",
    summary="What each policy and rule says, and how much it decided in the last 30 days.",
    who="who looks",
    handler=lambda on: on.overview.policies,
    writes={200: overview.Policies},
    fails=(403,),
)
