"""Everything that happens: asking again and again, sending once, following to the end, remembering."""
