"""The kiosk's rules: what it saw, what that means, what to show and what to record. No I/O."""
