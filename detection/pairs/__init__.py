"""Change between two dates only."""
