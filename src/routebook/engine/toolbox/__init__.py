"""Tools that models may ask to be run: functions and MCP servers, what is checked before a call, and what becomes of its result."""
