"""Understanding: examples of what people say, an interpreter trained on them, and how good one is."""
