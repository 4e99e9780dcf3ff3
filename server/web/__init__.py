"""What every page and endpoint shares: access, lessons, errors, templates, translations."""
