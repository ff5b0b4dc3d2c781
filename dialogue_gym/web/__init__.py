"""Teaching in a browser: workspaces in which teachers work, what is shown of them, and the pages."""
