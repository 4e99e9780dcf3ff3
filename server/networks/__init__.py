"""Which recognition network the school uses, and templates from scans that wait during a change."""
