"""One adapter per source of bills."""
