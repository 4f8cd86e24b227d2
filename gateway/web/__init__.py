"""The HTTP face: server, OpenAPI document, layout, shared templates and static files."""
