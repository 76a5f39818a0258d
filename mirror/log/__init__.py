"""The append-only index: hashes read out of tiles, entries added, one checkpoint moved to a later one."""
