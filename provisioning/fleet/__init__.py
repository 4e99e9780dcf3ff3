"""Many kiosks at once: a list of them in a file, and the sheet of their claim codes."""
