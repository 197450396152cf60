"""An MCP server: any MCP client asks people through its tools. Import the modules by name: this file stays cheap."""
