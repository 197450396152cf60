"""The commands, one a file, each under its own name; the file's `command` is what the tree shows. They print and exit.

Nothing imports a command but the tree; what two of them share belongs to `terminal` or `service`.
"""
