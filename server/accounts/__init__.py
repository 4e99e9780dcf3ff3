"""Who may sign in, as what, and their sign-ins."""
