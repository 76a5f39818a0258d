"""Languages by their own names."""

OWN = {
    "en": "English",
}


def own_name(tag: str) -> str:
    """What a language calls itself, as far as it is known here; otherwise its tag."""
    return OWN.get(tag, tag)
