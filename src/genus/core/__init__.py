"""What everything agrees on."""
