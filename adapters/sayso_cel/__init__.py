"""Conditions of rules in CEL, by Google's `cel-expr-python`.

The rule: a condition counts only if its value has the type BOOL and is true. Errors come as values that Python takes
for true, so nothing here is ever asked whether it is truthy.
"""

from sayso_cel.conditions import condition

__all__ = ["condition"]
