"""What people hand in: drafts in files, and the lines in them that may identify someone."""
