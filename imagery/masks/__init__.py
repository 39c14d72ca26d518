"""Cloud, cloud shadow, snow and water of each scene, without losing coal."""
