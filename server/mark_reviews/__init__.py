"""Look again at marks by face: after photos were moved, and where two people were close."""
