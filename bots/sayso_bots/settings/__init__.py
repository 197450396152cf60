"""What an operator sets: `sayso.toml` and the environment, read and checked.

One wrong key stops the start, and the error names it. Nothing here does anything else, and nothing prints.
"""
