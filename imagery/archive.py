"""The archive: source pixels, write-once, itself a static STAC catalogue."""
