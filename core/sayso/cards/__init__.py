"""What people see and what a press means: a ticket becomes a card, a press becomes an answer or a window.

Pure. Renderers read `card` and nothing else.
"""
