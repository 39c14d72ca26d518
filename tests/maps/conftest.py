"""Made-up sites, cubes and browsers for the map tests."""
