"""mirror: testimonies that cannot be changed, removed, reordered or faked without it showing.

Publishing: text → signed note → blocks → log → checkpoint → tree → announcement.
Verifying: link → fetch → check.

docs/architecture.md draws the files and says who may import whom.
"""
