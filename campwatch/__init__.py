"""How it runs: settings, pipeline, export, alerts, schedule, command line."""

__version__ = "0.1.0"
