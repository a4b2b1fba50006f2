"""The assistant for other programs and other people: HTTP API, MCP tools, limits, metrics.

Decides nothing about an answer. FastAPI and pydantic have their home here (``api``, ``schema``),
and MCP's package (``mcp_server``); whoever only asks on the command line loads none of them.
"""
