"""What the server and the ML service share: bodies of requests, and the process that serves."""
