"""Files that people attach: checked by their bytes, sealed, and handed out as downloads."""
