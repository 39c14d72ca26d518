"""What it means: stockpiles, footprint, boundary change, monitor, radar. Pure functions."""
