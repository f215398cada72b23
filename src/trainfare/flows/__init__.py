"""The story: each file is one path through the rooms, read top to bottom."""
