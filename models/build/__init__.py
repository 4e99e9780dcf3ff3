"""How the weights in models/weights are made: readers, networks, converters. Run by hand."""
