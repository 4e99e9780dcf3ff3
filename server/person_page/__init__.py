"""What the school knows about one person's attendance: a term as calendar, chart and sums."""
