"""What lies on each card. `fetch_bundle` runs with the Python of a blank system alone."""
