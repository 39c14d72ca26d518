"""Pages of a workspace: where they are, the first one, and maps drawn on request."""
