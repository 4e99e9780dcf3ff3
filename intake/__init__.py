"""Takes in request bodies for the server and the ML service: deadlines, bounded memory."""
