"""Claim sheets and reports: one content model, Word for those who edit, PDF for those who cite."""
