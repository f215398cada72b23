"""What to do cheaper: history in, ranked advice with evidence out."""
