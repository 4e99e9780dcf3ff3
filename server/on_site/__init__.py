"""Who is on the school's site now, for an evacuation."""
