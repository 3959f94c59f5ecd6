"""Which of two samples people prefer: a page that asks, and a tally that puts it on the board."""
