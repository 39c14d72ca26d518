"""Validation samples: design, accuracy and area, references.."""
