"""How cards get to the places where people are, and stay true there."""
