"""Reports of acceptance tests that kiosks were given on site."""
