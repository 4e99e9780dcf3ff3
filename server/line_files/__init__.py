"""Files that belong to one student's line in the register of one lesson."""
