"""What is sworn to: verification, reproduction, releases, time stamps and redaction."""
