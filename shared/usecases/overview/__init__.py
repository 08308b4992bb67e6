"""What the dashboard lists across packages: channels with their figures, and sessions."""
