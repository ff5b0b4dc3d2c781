"""The rules compiled with Numba: many dialogues at a time. Needs the extra `fast`."""
