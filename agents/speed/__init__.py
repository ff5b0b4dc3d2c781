"""How fast the library is: environments, learning, teaching, live learning, the pages."""
