"""Shell command lines for rules, read by tree-sitter and its grammar of bash.

The rule: a line is whole only if every sign of it is accounted for; whatever else it is, somebody is asked.
"""

from sayso_shell.reading import read

__all__ = ["read"]
