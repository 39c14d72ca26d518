"""The analysis-ready cube of a site."""
