"""Alerts: rules over the ledger, a book that raises each alert once, channels that deliver it once."""
