"""Tables: what operators look at as Markdown and rows: board, late agencies, mail, cards."""
