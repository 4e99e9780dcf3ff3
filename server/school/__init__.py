"""What the school is called, its time zone and language, and what a new school does first."""
