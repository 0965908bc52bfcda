"""Bodies, queries and answers as the contract has them; its messages live here, once."""
