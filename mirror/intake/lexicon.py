"""Words that stand beside numbers in dates and postal addresses, in some thirty languages.

Everything is in lower case and NFC. The lists are modest on purpose and will always lack something: they serve
`mirror.intake.identifying`, which only ever says "may". A stem matches every word that begins with it.

    MONTHS           whole words, where a stem would catch too much (`mars`, but not `marsh`)
    MONTH_STEMS      beginnings, four letters or more, for languages that inflect or leave no space
    JOINING          small words between a day and its month
    STREETS          whole words; STREET_STEMS and STREET_ENDINGS their beginnings and endings
    SERVICES         names under which people find each other
"""

_MONTHS = """
jan feb apr may jun jul aug sep sept oct nov dec march mars mart marzo mars märz marz maart maret março marca martie
mai maj maja mayo maio maggio mei mayıs maya may május mayu mayo juin juni junio junho juli julio julho julai july june
juillet yuni yuli iyun iyul iunie iulie máj ocak nisan ekim kasım eylül şubat aralık temmuz haziran
enero gennaio giugno luglio luty lutego lipca maris machi jänner
ledna února března dubna května června července srpna září října prosince
март марта марте май мая мае мај мајот июнь июня июне июль июля июле јуни јули юни юли јун јул
лютий лютого травня червня липня қазан тамыз ақпан наурыз сәуір мамыр маусым шілде қаңтар қараша
مارس مايو ماي أيار آب أوت جوان صفر رجب شوال تموز نيسان آذار شباط محرم
تیر مهر دی آذر آبان مه اوت بهمن حمل ثور جوزا اسد قوس جدی دلو حوت خرداد مرداد اسفند
مارچ مئی جون ستمبر
मई जून मार्च মে জুন মার্চ மே ஜூன் மார்ச்
ጥር ሰኔ ኅዳር ህዳር
μαΐου μάιος μάη ιουν ιουλ
מרץ מאי יוני יולי במרץ במאי ביוני ביולי
"""

_MONTH_STEMS = """
janu janv janeir janair ianuar yanvar január febru févr febr fabrai feverei febbr fevral február
apri avri abri afri ápri augu agost agust ağust avqust août augusz septem septiem settem setem szeptem satumb sentya
octob octub outub ottob októb oktob oktya novem noviem nuwamb noyab decem décem diciem dicem dezem desem disam dekab
styczn kwiet kwieci czerw sierp wrześ wrzesi paździer listopad grudn grudzi márci júni júli
январ феврал апрел август сентябр октябр ноябр декабр януари февруар фебруар јануар април септемвр октомвр ноемвр
декемвр септемб октоб новемб децемб січен січн берез квітн квітен червен липен серпн серпен вересн вересен жовтн жовтен
листоп грудн грудень қыркүйек желтоқсан
يناير فبراير أبريل إبريل ابريل يونيو يوليو أغسطس اغسطس سبتمبر أكتوبر اكتوبر نوفمبر ديسمبر كانون تشرين حزيران أيلول
جانفي فيفري أفريل جويلية ربيع جمادى شعبان رمضان
فروردین اردیبهشت شهریور ژانویه فوریه آوریل ژوئن ژوئیه سپتامبر اکتبر نوامبر دسامبر سرطان سنبله میزان عقرب
جنوری فروری اپریل جولائی اگست اکتوبر نومبر دسمبر
जनवरी फरवरी फ़रवरी अप्रैल जुलाई अगस्त सितंबर सितम्बर अक्टूबर अक्तूबर नवंबर नवम्बर दिसंबर दिसम्बर
জানুয়ারি জানুয়ারী ফেব্রুয়ারি এপ্রিল জুলাই আগস্ট আগষ্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর
ஜனவரி பிப்ரவரி ஏப்ரல் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்
መስከረም ጥቅምት ታኅሣሥ ታህሳስ የካቲት መጋቢት ሚያዝያ ሚያዚያ ግንቦት ሐምሌ ሀምሌ ነሐሴ ነሀሴ ጳጉሜ
იანვ თებერვ მარტ აპრილ მაის ივნის ივლის აგვისტ სექტემბ ოქტომბ ნოემბ დეკემბ
ιανουαρ φεβρουαρ μάρτ μαρτί απρίλ απριλ ιούν ιούλ ιουνί ιουλί αύγουστ αυγούστ σεπτέμβρ σεπτεμβρ οκτώβρ οκτωβρ
νοέμβρ νοεμβρ δεκέμβρ δεκεμβρ
ינואר פברואר אפריל אוגוסט ספטמבר אוקטובר נובמבר דצמבר בינואר בפברואר באפריל באוגוסט בספטמבר באוקטובר בנובמבר בדצמבר
มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม
มกรา กุมภา มีนา เมษา พฤษภา มิถุนา กรกฎา สิงหา กันยา ตุลา พฤศจิกา ธันวา
"""

_JOINING = "of the de d del do di da den ga ya mwezi wa من ماه ο του από th st nd rd er го ның tháng ቀን"

_STREETS = """
street st str road rd avenue ave lane boulevard blvd square drive apartment apt room dormitory
rue chemin impasse quai allée calle avenida av carrera plaza paseo colonia rua travessa praça via viale piazza
platz allee gasse ulica ul utca jalan jl đường ngõ hẻm phố
sokak sokağı sok cadde caddesi cad mahallesi mah bulvarı apartmanı daire
улица улице улицы ул проспект проспекте переулок шоссе квартира кв микрорайон общежитие вулиця вулиці вул бул булевар
көшесі даңғылы пәтер
شارع زقاق عمارة شقة خیابان کوچه بلوار پلاک گلی سڑک محلہ مکان
सड़क मार्ग गली मोहल्ला मकान রোড সড়ক গলি লেন মহল্লা சாலை தெரு
mtaa barabara titi layi unguwa መንገድ ቀበሌ ወረዳ
οδός οδού λεωφόρος λεωφόρου ქუჩა ქუჩის გამზირი רחוב רח שדרות דירה
"""

MONTHS = frozenset(_MONTHS.split())
MONTH_STEMS = frozenset(_MONTH_STEMS.split())
JOINING = frozenset(_JOINING.split())
STREETS = frozenset(_STREETS.split())
STREET_STEMS = ("ถนน", "ซอย", "ตรอก", "หมู่")
STREET_ENDINGS = ("straße", "strasse", "straat", "gatan", "gata", "vägen", "laan")

SERVICES = (
    "wechat", "weixin", "微信", "whatsapp", "whats app", "ватсап", "вотсап", "واتساب", "واتس اب",
    "واتساپ", "وٹس ایپ", "telegram", "телеграм", "телеграмм", "تلگرام", "تيليجرام", "تيليغرام", "텔레그램",
    "电报", "signal", "сигнал", "instagram", "инстаграм", "اینستاگرام", "إنستغرام", "انستغرام", "인스타그램",
    "facebook", "фейсбук", "فيسبوك", "فیسبوک", "twitter", "твиттер", "تويتر", "توییتر", "weibo", "微博",
    "qq", "tiktok", "抖音", "小红书", "snapchat", "viber", "вайбер", "line", "ไลน์", "kakaotalk", "kakao",
    "카카오톡", "카톡", "zalo", "imo", "vk", "вконтакте", "одноклассники", "discord", "skype", "linkedin",
    "session", "matrix", "threema", "mastodon", "ig", "fb", "insta",
)  # fmt: skip
