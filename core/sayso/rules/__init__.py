"""What is decided without anybody: rules over calls, read once and asked for every request. Pure.

The rule: an allow matches only what was understood whole; a deny and an ask match whatever may be meant. Deny wins
wherever it stands, then the first match; where nothing matches people are asked.
"""

from sayso.rules.book import Book, Means, bind
from sayso.rules.calls import Call
from sayso.rules.rule import After, Limit, Rule
from sayso.rules.rulings import Ruling

__all__ = ["After", "Book", "Call", "Limit", "Means", "Rule", "Ruling", "bind"]
