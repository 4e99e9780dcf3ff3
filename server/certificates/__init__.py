"""The school's certificate authority, the certificates it signs, and which links use them."""
