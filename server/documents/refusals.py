"""Why an attached file is refused, where several checks say the same."""

from server.errors import UnsupportedMediaError


def damaged() -> UnsupportedMediaError:
    """Return the error about a file that ends early or contradicts itself."""
    return UnsupportedMediaError("The file is damaged or incomplete.", problem="file_damaged")


def unclear() -> UnsupportedMediaError:
    """Return the error about a PDF file in which a reader might find more than we do."""
    return UnsupportedMediaError("The PDF file cannot be checked.", problem="pdf_unclear")
