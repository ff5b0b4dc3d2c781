"""Booking a restaurant: the domain, its data and the Python code of its actions."""
