"""The contracts that all parts share."""
