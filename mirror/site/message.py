"""What is handed on in a chat: the mirror's title, one sentence, the newest-link, a line each.

The link stands on a line of its own, so that no program turns it around in a text that runs from right to left. It
leads to whatever is newest, never to one edition, which may come to hold what was withdrawn.
"""

from mirror.site.words import Words

MESSAGE_AT_MOST = 280
"""Characters of one message: what the strictest of the large services takes."""


def message(words: Words, title: str, link: str) -> str:
    """The longest that fits: title, sentence and link; sentence and link; the link alone, however long it is."""
    sentence = words.tables["leaflet"]["message"]
    for lines in ((title, sentence, link), (sentence, link)):
        said = "\n".join(lines)
        if len(said) <= MESSAGE_AT_MOST:
            return said
    return link
