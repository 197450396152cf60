"""On call by a schedule of PagerDuty."""

from sayso_pagerduty.rota import API_URL, ScheduleRota

__all__ = ["API_URL", "ScheduleRota"]
