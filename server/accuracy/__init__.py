"""How well the school's own people are told apart: measured on request, without photos."""
