"""What an agent's program imports: the constructors, `open`, the gate, hooks, one allow for one run.

It reaches people only through `sayso.desk.asker.Asker`, which is a desk of its own or a service far away.
"""

from sayso.asking.constructors import Choice, Common, Form, Permission, Question
from sayso.content.requests import checked, parse

__all__ = ["Choice", "Common", "Form", "Permission", "Question", "checked", "parse"]
