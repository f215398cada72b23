"""Door: the HTTP API, the live stream and the pages, for a team that shares one server."""
