"""Runs: search, fetch, measure, append, rebuild; their records, their timer and where each site stands."""
