"""The open Agent Approval Protocol: agents of any make ask here; people answer."""
