"""The reading room: static pages for readers with only a browser. Values to bytes; no store, no network, no clock."""
