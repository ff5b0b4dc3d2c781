"""Channels for messages of people: the one way in, and the forms of front ends and messengers."""
