"""The four ways to ask, as plain functions for scripts without a loop."""

from sayso.asking.blocking import ask, choice, form, permission, question, run

__all__ = ["ask", "choice", "form", "permission", "question", "run"]
