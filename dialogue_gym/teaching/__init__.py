"""Teaching a bot by confirming or correcting its next action, while it learns on the spot."""
