"""Light: relief, sun and the invariant ground of a season."""
