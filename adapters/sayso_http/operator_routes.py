"""Rows of the table of routes for operators, and people whom the settings name."""

from __future__ import annotations

from sayso import stats
from sayso_http import standing_grants, standing_stops
from sayso_http.operations import READ_FAILS, Keyed

STOP = Keyed(
    method="post",
    path="/v1/stop",
    summary="Stop everything, or one agent: nothing is allowed or used, and no time runs, until it is lifted.",
    who="who stops",
    handler=lambda on: on.stops.stop,
    reads=standing_stops.Wanted,
    body_required=False,
    writes={200: standing_stops.Standing},
    fails=(403, *READ_FAILS),
)
LIFT = Keyed(
    method="post",
    path="/v1/resume",
    summary="Lift the stop of everything, or of one agent.",
    who="who stops",
    handler=lambda on: on.stops.resume,
    reads=standing_stops.Lifted,
    body_required=False,
    writes={200: standing_stops.Standing},
    fails=(403, 404, *READ_FAILS),
)
STOPS = Keyed(
    method="get",
    path="/v1/stops",
    summary="What is stopped.",
    who="who stops",
    handler=lambda on: on.stops.show,
    writes={200: standing_stops.Standing},
    fails=(403,),
)
GRANTS = Keyed(
    method="get",
    path="/v1/grants",
    summary="What people allowed for a while.",
    who="who stops",
    handler=lambda on: on.grants.show,
    writes={200: standing_grants.Grants},
    fails=(403,),
)
END_GRANT = Keyed(
    method="post",
    path="/v1/grants/{id}/end",
    summary="End what somebody allowed for a while; what comes after this is asked again.",
    who="who stops",
    handler=lambda on: on.grants.end,
    writes={200: standing_grants.Grants},
    fails=(403, 404),
)
STATS = Keyed(
    method="get",
    path="/v1/stats",
    summary="Numbers of the last days: how long people took, what they decided, and who decides by habit.",
    who="who operates",
    handler=lambda on: on.stats.serve,
    writes={200: stats.Figures},
    fails=(403, 422),
    query={"days": {"type": "number", "exclusiveMinimum": 0, "maximum": stats.MOST_DAYS, "default": 30}},
)
