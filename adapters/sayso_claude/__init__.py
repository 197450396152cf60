"""Claude Code asks through its hooks; people answer. Import the modules by name: this file stays empty and cheap."""
