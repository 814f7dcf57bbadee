"""What the end-to-end cases stand on: a Nuri of their own, and ways to look at it from outside."""
