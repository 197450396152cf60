"""`sayso policy`: what the rules are worth: looked over, tested, replayed on what was asked, and explained."""
