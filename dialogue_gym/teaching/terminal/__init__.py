"""Teaching in a terminal: what is shown and asked, without input or output, and the terminal itself."""
