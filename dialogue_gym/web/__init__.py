"""Teaching in a browser: rooms in which teachers work, what is shown of them, and the pages."""
