"""Where we look: sites, dated boundaries, zones, geodesy, grids."""
