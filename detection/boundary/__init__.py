"""Dated perimeters: what two versions of a boundary differ by, beyond the errors of their tracing."""
