"""A chat of somebody else, plugged into the command: all that a third platform needs, as small as it goes."""
