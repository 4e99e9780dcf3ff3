"""Choose the school's network and change it: Models page, coverage, templates from scans."""
