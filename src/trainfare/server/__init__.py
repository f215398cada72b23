"""Door: HTTP API, live stream and pages."""
