"""The named GANs of the literature, as data: a file of entries per field, and the search over them."""
