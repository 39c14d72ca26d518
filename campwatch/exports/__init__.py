"""Exports: what researchers take away and cite. Everything here is derived and can be made again."""
