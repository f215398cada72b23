"""Door: one thin file per training framework."""
