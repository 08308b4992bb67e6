"""What people may ask about the data that is kept of them: that it be erased, and to be given it."""
