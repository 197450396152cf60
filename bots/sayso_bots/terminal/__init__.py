"""Whoever sits at this terminal: how they reach the requests, what is printed, and what is asked at the keyboard.

Foreign text goes through `output` or `render` before it is printed.
"""
