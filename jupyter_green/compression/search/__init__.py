"""The search for the cheapest candidate within the accepted loss, and its final evaluation."""
