"""An MCP server: any MCP client asks people through its tools. Import the modules by name: this file stays cheap."""

import importlib.util

if importlib.util.find_spec("mcp") is None:
    raise ImportError("sayso_mcp needs the official MCP package: in a clone of sayso, pip install '.[mcp]'", name="mcp")
