"""What a million images cost and how long they take: computed from what was measured and from public prices."""
