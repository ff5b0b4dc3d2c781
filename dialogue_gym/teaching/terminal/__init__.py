"""Teaching in a terminal: screens and questions without input or output, and the terminal itself."""
