"""The pages live on this machine: loopback only, one reader a session, read-only unless asked to review."""
