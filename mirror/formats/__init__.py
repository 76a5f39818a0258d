"""Bytes ⇄ values. No files, no network, no clock. Everything raises only what `mirror.errors` names."""
