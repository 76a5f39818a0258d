"""Languages by their own names, so that their speakers find them.

    own_name("mk")      Македонски
    own_name("pt-BR")   Português (BR)
    own_name("sr-Latn") Srpski
    own_name("xzz")     xzz

A modest list, which will always lack something: a language that is not in it is shown by its tag, and nothing else
depends on it.
"""

_NAMES = """
af Afrikaans | am አማርኛ | ar العربية | as অসমীয়া | ay Aymar aru | az Azərbaycanca | be Беларуская | bg Български
bm Bamanankan | bn বাংলা | bo བོད་ཡིག | bs Bosanski | ca Català | ceb Cebuano | ckb کوردیی ناوەندی | cs Čeština
cy Cymraeg | da Dansk | de Deutsch | dv ދިވެހި | dz རྫོང་ཁ | el Ελληνικά | en English | eo Esperanto | es Español
et Eesti | eu Euskara | fa فارسی | ff Fulfulde | fi Suomi | fil Filipino | fr Français | ga Gaeilge | gl Galego
gn Avañe’ẽ | gu ગુજરાતી | ha Hausa | he עברית | hi हिन्दी | hr Hrvatski | ht Kreyòl ayisyen | hu Magyar | hy Հայերեն
id Bahasa Indonesia | ig Igbo | is Íslenska | it Italiano | ja 日本語 | jv Basa Jawa | ka ქართული | kab Taqbaylit
kk Қазақша | km ខ្មែរ | kmr Kurmancî | kn ಕನ್ನಡ | ko 한국어 | ku Kurdî | ky Кыргызча | lg Luganda | ln Lingála | lo ລາວ
lt Lietuvių | lv Latviešu | mg Malagasy | mi Te reo Māori | mk Македонски | ml മലയാളം | mn Монгол | mr मराठी
ms Bahasa Melayu | mt Malti | my မြန်မာဘာသာ | nb Norsk bokmål | ne नेपाली | nl Nederlands | nn Nynorsk | no Norsk
ny Chichewa | om Afaan Oromoo | or ଓଡ଼ିଆ | pa ਪੰਜਾਬੀ | pa-Arab پنجابی | pl Polski | prs دری | ps پښتو | pt Português
qu Runasimi | rn Ikirundi | ro Română | ru Русский | rw Kinyarwanda | sd سنڌي | si සිංහල | sk Slovenčina
sl Slovenščina | sn chiShona | so Soomaali | sq Shqip | sr Српски | sr-Latn Srpski | st Sesotho | su Basa Sunda
sv Svenska | sw Kiswahili | ta தமிழ் | te తెలుగు | tg Тоҷикӣ | th ไทย | ti ትግርኛ | tk Türkmençe | tl Tagalog
tn Setswana | tr Türkçe | tt Татарча | ug ئۇيغۇرچە | uk Українська | ur اردو | uz Oʻzbekcha | vi Tiếng Việt | wo Wolof
xh isiXhosa | yi ייִדיש | yo Yorùbá | yue 粵語 | zgh ⵜⴰⵎⴰⵣⵉⵖⵜ | zh 中文 | zh-Hans 简体中文 | zh-Hant 繁體中文
zu isiZulu
"""

OWN: dict[str, str] = {
    tag: name
    for entry in _NAMES.strip().replace("\n", " | ").split(" | ")
    for tag, _, name in [entry.strip().partition(" ")]
}
"""What languages call themselves, by tag."""


def own_name(tag: str) -> str:
    """What a language calls itself, with what its tag says besides; where it is not known here, its tag."""
    known = tag
    rest: list[str] = []
    while known and known not in OWN:
        known, _, last = known.rpartition("-")
        rest.insert(0, last)
    if not known:
        return tag
    return f"{OWN[known]} ({'-'.join(rest)})" if rest else OWN[known]
