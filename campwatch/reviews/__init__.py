"""What people say of what the machine found: verdicts, observations, samples, and what follows from them."""
