"""The doctor: checks of the installation; each finding has a cause and a remedy."""
