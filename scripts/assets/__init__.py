"""Models and sample photos that this project takes out of public packages."""
