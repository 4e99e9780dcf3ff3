"""What every page and endpoint shares: access, sessions, errors, templates, translations."""
