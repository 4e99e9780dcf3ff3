"""One presenter per screen: domain state in, words and signs ready to draw out."""
