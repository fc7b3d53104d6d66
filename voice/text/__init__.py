"""What hearing, answering and speaking all know about text."""
