"""PINs, cards, codes on phones and links: how people check in without a face."""

import warnings

# The server draws no pictures into PDF files, so it does without Pillow on purpose.
warnings.filterwarnings("ignore", message="Pillow could not be imported", category=UserWarning)
