"""What is said to people, in Vietnamese and English: one catalogue, and how offices write."""
