"""The school's own status codes: what they mean, and how registers show them."""
