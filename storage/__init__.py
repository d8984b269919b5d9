"""What is remembered: the tables, the repositories over them, and the migrations."""
