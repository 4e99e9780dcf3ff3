"""The steps from a picture to a person: pure pre- and post-processing around the sessions."""
