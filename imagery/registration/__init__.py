"""Sub-pixel shifts of scenes against their season."""
