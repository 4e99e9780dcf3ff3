"""The audit trail as people read it: filters, names, sentences, and the check of its chain."""
