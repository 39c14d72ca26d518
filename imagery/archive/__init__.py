"""Source pixels that were fetched: write-once, a static STAC catalogue, with gaps."""
