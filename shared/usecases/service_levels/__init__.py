"""What a business promises its customers: when it is open, and how soon it answers."""
