"""Pages about people and places, one file per noun."""
