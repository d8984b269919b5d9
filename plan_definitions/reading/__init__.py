"""Reading: the texts of a plan as plain values, each with its place, and as filled-in forms."""
