"""What all pages share: layout, lists, confirmation, errors, assets."""
