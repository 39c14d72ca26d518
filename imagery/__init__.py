"""What was seen: sources, archive, masks, registration, cubes, simulator."""
