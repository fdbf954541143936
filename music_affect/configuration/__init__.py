"""What a command line says: composed, checked, and made into objects."""
