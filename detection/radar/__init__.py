"""What Sentinel-1 says of a figure."""
