"""Learning from real people: conversations with them as episodes, their rewards, saving and resuming."""
