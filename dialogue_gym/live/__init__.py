"""Learning from people while it happens."""
