"""What all pages share: frame, lists, confirmation, errors, assets."""
