"""The school's policy: one versioned document."""
