"""PINs, cards, codes on phones and links: how people check in without a face."""

import warnings

# fpdf2 says at its import that it cannot add pictures to documents. Ours have none.
warnings.filterwarnings("ignore", "Pillow could not be imported", UserWarning)
