"""What became of requests, in numbers: how long people took, who decided what, and where a yes has become a habit."""

from sayso.stats.figures import Figures, Named, Reviewer, Spread, told
from sayso.stats.period import MOST_DAYS, MOST_READ, Numbers, read

__all__ = ["MOST_DAYS", "MOST_READ", "Figures", "Named", "Numbers", "Reviewer", "Spread", "read", "told"]
