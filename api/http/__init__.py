"""How requests are read and answered."""
