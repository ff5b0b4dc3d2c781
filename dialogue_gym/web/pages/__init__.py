"""The pages of teachers: teaching, progress, conversations, people, signing in."""
