"""One conversation: who is heard, which commands are obeyed, what is reported."""
