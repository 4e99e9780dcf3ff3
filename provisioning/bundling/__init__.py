"""The folder from which a kiosk is installed without internet."""
