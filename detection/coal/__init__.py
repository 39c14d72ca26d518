"""Coal in optical imagery, step by step: spectra, coverage, background, fraction, supports, areas, piles."""
