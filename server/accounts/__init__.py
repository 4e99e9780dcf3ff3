"""Who may sign in, as what, and their sessions."""
