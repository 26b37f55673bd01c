"""The commands: one file each, with the public function and how it prints."""
