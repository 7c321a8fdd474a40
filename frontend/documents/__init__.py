"""What a laboratory takes away: a specimen's report as PDF, and its fields as CSV."""
