"""The doctor: is everything in place, said in plain words, each finding with its remedy."""
