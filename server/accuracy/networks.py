"""What is known of a network by its name alone."""

#: Bundled for machines without a package index; weak for women, children and East Asian faces.
_WEAK = frozenset({"dlib-resnet-v1"})


def is_weak(model_id: str) -> bool:
    """Return whether the network is the one that is only used where no better one is installed."""
    return model_id in _WEAK
