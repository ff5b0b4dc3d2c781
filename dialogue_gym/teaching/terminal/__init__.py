"""Teaching in a terminal: dialogs of screens and answers, without input or output, and the terminal."""
