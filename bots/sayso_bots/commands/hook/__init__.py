"""`sayso hook`, which a coding agent starts before every tool call.

`hook` and `relay` import nothing but each other until something fails: their start is what every call waits for.
"""
