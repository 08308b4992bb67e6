"""Sessions: conversations as the dashboard and the widget start, move and show them."""
