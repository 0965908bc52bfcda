"""Reading issues: in bulk, by searches, singly, and by what of these answers here."""
