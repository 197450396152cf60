"""On call by an iCalendar feed: whoever stands in the event of this moment."""

from sayso_ical.rota import CalendarRota

__all__ = ["CalendarRota"]
