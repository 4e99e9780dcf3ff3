"""Tools around the product; nothing in the product imports them."""
