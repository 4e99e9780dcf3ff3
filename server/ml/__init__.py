"""The ML service as the server sees it: a port, its HTTP adapter, retries and a breaker."""
