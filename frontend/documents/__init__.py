"""What a laboratory can download: a specimen's report as PDF, and its fields as CSV."""
