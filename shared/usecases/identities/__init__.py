"""Identity resolution: from addresses on channels to customers, and back."""
